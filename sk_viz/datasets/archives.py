"""Pictures out of a zip that somebody sent: nothing of it is trusted.

Names, sizes and kinds are judged before a byte is unpacked, what is unpacked is counted since a
zip may lie about its sizes, and every file is made under a name that was taken apart and put
together again.
"""

from __future__ import annotations

import stat
import unicodedata
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

from sk_viz.datasets.sources import SUFFIXES
from sk_viz.errors import PictureError
from sk_viz.pictures.picture import MAX_BYTES

MAX_ZIP_BYTES = 200 * 2**20
MAX_PICTURES = 5000
MAX_EXPANDED_BYTES = 500 * 2**20
# Beside pictures a zip may hold notes and what systems leave in it; more is no collection.
MAX_ENTRIES = 4 * MAX_PICTURES

_CHUNK = 1 << 20
_DEPTH = 8
_NAME_BYTES = 200
_ENCRYPTED = 0x1


def unpack_pictures(
    file: BinaryIO, folder: Path, progress: Callable[[int, int], None] | None = None
) -> int:
    """Unpack the pictures of a zip; what is no picture is left out.

    Args:
        file: the zip, which can be sought in.
        folder: where to; made, and whole only when this returns.
        progress: called with the pictures unpacked so far and their number.

    Returns:
        How many pictures there are.

    Raises:
        PictureError: not a zip, broken, with a password, too large, with too many files, with a
            name that leads out of the folder, with a link, or without pictures.
    """
    size = file.seek(0, 2)
    file.seek(0)
    if size > MAX_ZIP_BYTES:
        raise PictureError(f"The zip is over {_mb(MAX_ZIP_BYTES)}: send fewer pictures.")
    try:
        with zipfile.ZipFile(file) as archive:
            chosen = _chosen(archive)
            left = MAX_EXPANDED_BYTES
            folder.mkdir(parents=True, exist_ok=True)
            for done, (entry, parts) in enumerate(chosen):
                if progress is not None:
                    progress(done, len(chosen))
                left -= _unpack(archive, entry, folder.joinpath(*parts), left)
            return len(chosen)
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, ValueError) as error:
        if isinstance(error, PictureError):
            raise
        raise PictureError(
            "The file is not a whole zip that can be read here: make it anew."
        ) from error
    except OSError as error:
        raise PictureError(
            f"The pictures cannot be unpacked: {error.strerror or error}."
        ) from error


def _chosen(archive: zipfile.ZipFile) -> list[tuple[zipfile.ZipInfo, tuple[str, ...]]]:
    """The pictures and the parts of their paths; everything in the zip is judged first."""
    entries = archive.infolist()
    if len(entries) > MAX_ENTRIES:
        raise PictureError(f"The zip holds over {MAX_ENTRIES:,} files: send fewer.")
    chosen: list[tuple[zipfile.ZipInfo, tuple[str, ...]]] = []
    seen: set[str] = set()
    for entry in entries:
        parts = _parts(entry)
        kind = stat.S_IFMT(entry.external_attr >> 16)
        if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
            raise PictureError(
                f"The zip holds {entry.filename!r}, a link or a device: send plain files alone."
            )
        hidden = any(part.startswith(".") or part == "__MACOSX" for part in parts)
        if entry.is_dir() or hidden or not parts[-1].lower().endswith(SUFFIXES):
            continue
        if entry.flag_bits & _ENCRYPTED:
            raise PictureError("The zip has a password: send it without one.")
        if entry.file_size > MAX_BYTES:
            raise PictureError(f"{entry.filename!r} is over {_mb(MAX_BYTES)}: leave it out.")
        # Systems that do not tell case apart would write one over the other.
        same = "/".join(parts).casefold()
        if same in seen:
            raise PictureError(f"The zip holds {entry.filename!r} twice: rename one of them.")
        seen.add(same)
        chosen.append((entry, parts))
    if not chosen:
        raise PictureError(f"There are no pictures in the zip: send {', '.join(SUFFIXES)}.")
    if len(chosen) > MAX_PICTURES:
        raise PictureError(f"The zip holds over {MAX_PICTURES:,} pictures: send fewer.")
    if sum(entry.file_size for entry, _ in chosen) > MAX_EXPANDED_BYTES:
        raise PictureError(f"The pictures are over {_mb(MAX_EXPANDED_BYTES)}: send fewer.")
    return chosen


def _parts(entry: zipfile.ZipInfo) -> tuple[str, ...]:
    """The parts of a name that stays inside the folder."""
    name = unicodedata.normalize("NFC", entry.filename.replace("\\", "/"))
    parts = tuple(part for part in name.removesuffix("/").split("/") if part != ".")
    bad = (
        name.startswith("/")
        or not parts
        or len(parts) > _DEPTH
        or any(
            part in ("", "..")
            or ":" in part
            or len(part.encode("utf-8", "replace")) > _NAME_BYTES
            or not part.isprintable()
            for part in parts
        )
    )
    if bad:
        raise PictureError(
            f"The zip holds the name {entry.filename!r}, which leads out of its folder or cannot "
            "be kept: rename it."
        )
    return parts


def _unpack(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, to: Path, left: int) -> int:
    """Write one file and count its bytes, whatever the zip says of its size."""
    to.parent.mkdir(parents=True, exist_ok=True)
    written = 0
    with archive.open(entry) as packed, to.open("xb") as file:
        while chunk := packed.read(_CHUNK):
            written += len(chunk)
            if written > min(MAX_BYTES, left):
                raise PictureError(
                    f"{entry.filename!r} unpacks to more than it says: leave it out."
                )
            file.write(chunk)
    return written


def _mb(count: int) -> str:
    return f"{count / 10**6:,.0f} MB"
