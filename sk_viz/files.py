"""Files that are complete or are not written at all."""

from __future__ import annotations

import io
import os
import secrets
import shutil
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from sk_viz.errors import ModelError

_MAX_START = 200  # bytes; names of files end at 255


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


@contextmanager
def whole_file(path: Path) -> Iterator[io.BufferedWriter]:
    """A file beside the target that takes its place when it is complete and on the disk.

    The mode is that of the file that it replaces, else what the process's umask allows, as with
    ``open``.
    """
    beside = _beside(path)
    try:
        with _new_file(beside, path) as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        beside.replace(path)
    except BaseException:
        beside.unlink(missing_ok=True)
        raise
    _sync_folder(path.parent)


def write_together(files: Mapping[Path, bytes]) -> None:
    """Write files that belong together; when one cannot be written, all stay as they were.

    A reader may see some of them new and others old for the moment that replacing them takes, and
    so may one after a power cut within it.
    """
    with ExitStack() as leftovers:
        new: dict[Path, Path] = {}
        for path, data in files.items():
            new[path] = _beside(path)
            leftovers.callback(new[path].unlink, missing_ok=True)
            with _new_file(new[path], path) as file:
                file.write(data)
                file.flush()  # a full disk says so now, before any of them is in place
                os.fsync(file.fileno())
        old: dict[Path, Path | None] = {}
        try:
            for path, whole in new.items():
                old[path] = kept = _second_name(path)
                if kept is not None:
                    leftovers.callback(kept.unlink, missing_ok=True)
                whole.replace(path)
        except BaseException:
            for path, kept in old.items():
                _bring_back(path, kept, new[path])
            raise
    for folder in {path.parent for path in files}:
        _sync_folder(folder)


def _bring_back(path: Path, kept: Path | None, new: Path) -> None:
    """Undo one replacement, if it was made."""
    if new.exists():  # it was not put in place
        return
    if kept is None:
        path.unlink(missing_ok=True)
    else:
        kept.replace(path)


def _second_name(path: Path) -> Path | None:
    """The file under a second name beside it, or None where there is no file."""
    if not path.exists():
        return None
    name = _beside(path)
    try:
        name.hardlink_to(path)
    except OSError:  # not every file system has hard links
        shutil.copy2(path, name)
    return name


def _beside(path: Path) -> Path:
    """A name in the same folder that nobody else uses, never too long for the file system."""
    start = os.fsdecode(os.fsencode(path.name)[:_MAX_START])
    return path.with_name(f".{start}.{secrets.token_hex(6)}.tmp")


def _new_file(name: Path, replaced: Path) -> io.BufferedWriter:
    """A new file with the mode of the one that it will replace."""
    # Not mkstemp, which keeps others from reading whatever the umask says.
    handle = os.open(name, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), 0o666)
    with suppress(OSError):
        shutil.copymode(replaced, name)
    return os.fdopen(handle, "wb")


def _sync_folder(folder: Path) -> None:
    """Let the new names themselves survive a power cut."""
    if os.name != "posix":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
