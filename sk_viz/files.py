"""Files that are there whole or not at all."""

from __future__ import annotations

import uuid
from pathlib import Path

from sk_viz.errors import ModelError


def write_whole(path: Path, data: bytes) -> None:
    """Write beside the target and put it in place in one step.

    Raises:
        ModelError: the place cannot be written.
    """
    temporary = path.with_name(f".{path.name}.{uuid.uuid4().hex}")
    try:
        temporary.write_bytes(data)
        temporary.replace(path)
    except OSError as error:
        raise ModelError(f"{str(path)!r} cannot be written: {error.strerror or error}.") from error
    finally:
        temporary.unlink(missing_ok=True)
