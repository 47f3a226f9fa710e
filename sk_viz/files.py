"""Files that are there whole or not at all."""

from __future__ import annotations

import io
import os
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path

from sk_viz.errors import ModelError


def write_whole(path: Path, data: bytes) -> None:
    """:func:`write_atomic` for a name that a user gave.

    Raises:
        ModelError: the place cannot be written.
    """
    try:
        write_atomic(path, data)
    except OSError as error:
        raise ModelError(f"{str(path)!r} cannot be written: {error.strerror or error}.") from error


def write_atomic(path: Path, data: bytes) -> None:
    """Put a file in place in one step, on the disk when this returns."""
    with whole_file(path) as file:
        file.write(data)


def write_together(files: Mapping[Path, bytes]) -> None:
    """Files that belong together; when one cannot be written, all stay as they were."""
    with ExitStack() as stack:
        for path, data in files.items():
            file = stack.enter_context(whole_file(path))
            file.write(data)
            file.flush()  # a full disk says so now, before any of them is in place


@contextmanager
def whole_file(path: Path) -> Iterator[io.BufferedWriter]:
    """A file beside the target that takes its place when it is whole and on the disk."""
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".tmp")
    try:
        with os.fdopen(handle, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        Path(name).chmod(0o644)
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
    if os.name == "posix":  # the new name itself must survive a power cut
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
