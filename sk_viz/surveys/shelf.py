"""Where the app stores its surveys: one folder each, in a folder of the user's own.

Each holds ``asked.json``, the survey itself in ``survey``, and, while it is not finished, the
pictures that were uploaded for it in ``pictures.zip``.
"""

from __future__ import annotations

import json
import os
import re
import secrets
import shutil
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from filelock import FileLock, Timeout

from sk_viz.errors import PictureError
from sk_viz.files import write_atomic
from sk_viz.surveys.store import Store

PICTURES = "pictures.zip"
# Hidden, and no names that :func:`find` takes.
_NEW, _GONE = ".new-", ".gone-"
_DAY = 24 * 3600.0  # seconds


@dataclass(frozen=True)
class SurveyRequest:
    """What a survey was begun with, so that it can be resumed.

    Attributes:
        source: a folder or file of pictures; "" for pictures that were uploaded.
        model: id.
        scales: each once.
        protocols: each once.
        limit: use at most N pictures; None for all.
        device: of ``sk_viz.load_model``.
    """

    source: str
    model: str
    scales: tuple[float, ...]
    protocols: tuple[str, ...]
    limit: int | None
    device: str


@dataclass(frozen=True)
class StoredSurvey:
    """One survey of the shelf.

    Attributes:
        name: of its folder.
        folder: where it lies.
        request: what it was begun with.
    """

    name: str
    folder: Path
    request: SurveyRequest

    @property
    def survey(self) -> Path:
        """The folder of the survey itself."""
        return self.folder / "survey"

    @property
    def pictures(self) -> Path:
        """The zip of pictures that was uploaded."""
        return self.folder / PICTURES

    @property
    def source(self) -> Path:
        """Where its pictures are."""
        return Path(self.request.source) if self.request.source else self.pictures


def shelf_dir() -> Path:
    """The folder of all stored surveys: in ``SK_VIZ_CACHE``, or the system's place for caches."""
    chosen = os.environ.get("SK_VIZ_CACHE")
    if chosen:
        return Path(chosen) / "surveys"
    if sys.platform == "win32":
        base = Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local")
    elif sys.platform == "darwin":
        base = Path.home() / "Library" / "Caches"
    else:
        base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return base / "sk-viz" / "surveys"


@contextmanager
def new_folder() -> Iterator[Path]:
    """An empty folder on the shelf, hidden until :func:`keep` names it; removed where it does not.

    Raises:
        PictureError: the shelf cannot be written.
    """
    shelf = shelf_dir()
    folder = shelf / f"{_NEW}{secrets.token_hex(6)}"
    lock = _lock_of(folder)
    try:
        shelf.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock.acquire(timeout=0)
        folder.mkdir(mode=0o700)  # only now, so that one without a lock belongs to nobody
    except OSError as error:
        raise PictureError(
            f"Surveys cannot be stored in {str(shelf)!r} ({error.strerror or error}): set "
            "SK_VIZ_CACHE to a folder that can be written."
        ) from error
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        lock.release()
        Path(lock.lock_file).unlink(missing_ok=True)


def sweep_shelf() -> None:
    """Remove what processes left behind that were killed while they made or deleted a survey.

    What a living process is at, also of another server, stays: it holds a lock that ends with it.
    """
    shelf = shelf_dir()
    for folder in shelf.glob(f"{_NEW}*/"):
        lock = _lock_of(folder)
        try:
            lock.acquire(timeout=0)
        except (Timeout, OSError):
            continue
        shutil.rmtree(folder, ignore_errors=True)
        lock.release()
        Path(lock.lock_file).unlink(missing_ok=True)
    for folder in shelf.glob(f"{_GONE}*/"):
        shutil.rmtree(folder, ignore_errors=True)
    for file in shelf.glob(f"{_NEW}*.lock"):  # of one killed before or after its folder was there
        with suppress(OSError):
            if not file.with_suffix("").exists() and time.time() - file.stat().st_mtime > _DAY:
                file.unlink()


def _lock_of(folder: Path) -> FileLock:
    """Held by the process that makes a new folder; beside it, as the folder is renamed."""
    return FileLock(folder.with_name(f"{folder.name}.lock"))


def keep(folder: Path, title: str, request: SurveyRequest) -> StoredSurvey:
    """Put a new folder on the shelf.

    Args:
        folder: of :func:`new_folder`.
        title: the name is made of it, and of letters that nobody can guess.
        request: what the survey begins with.

    Raises:
        PictureError: it cannot be written, such as on a full disk.
    """
    plain = re.sub(r"[^A-Za-z0-9]+", "-", title).strip("-")[:40] or "survey"
    name = f"{plain}-{secrets.token_hex(6)}"
    try:
        write_atomic(folder / "asked.json", json.dumps(asdict(request), indent=1).encode())
        return StoredSurvey(name, folder.rename(folder.with_name(name)), request)
    except OSError as error:
        raise PictureError(f"The survey cannot be stored: {error.strerror or error}.") from error


def find(name: str) -> StoredSurvey:
    """The stored survey of a name.

    Raises:
        PictureError: there is none.
    """
    folder = shelf_dir() / name
    try:
        if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9-]*", name):
            raise ValueError(name)
        values = json.loads((folder / "asked.json").read_text(encoding="utf-8"))
        values["scales"] = tuple(values["scales"])
        values["protocols"] = tuple(values["protocols"])
        return StoredSurvey(name, folder, SurveyRequest(**values))
    except (OSError, ValueError, TypeError, KeyError):
        raise PictureError(f"There is no survey {name!r}: choose another one.") from None


def stored_surveys() -> tuple[StoredSurvey, ...]:
    """All stored surveys, the newest first."""
    shelf = shelf_dir()
    if not shelf.is_dir():
        return ()
    found = []
    for folder in shelf.iterdir():
        try:
            one = find(folder.name)
            found.append(((folder / "asked.json").stat().st_mtime, one))
        except (OSError, PictureError):  # something else, or removed meanwhile
            continue
    return tuple(one for _, one in sorted(found, key=lambda pair: -pair[0]))


def remove(path: Path) -> None:
    """Take a folder off the shelf, or a file or folder inside one of it.

    Raises:
        PictureError: it is not on the shelf.
    """
    if shelf_dir().resolve() not in path.resolve().parents:
        raise PictureError(f"{str(path)!r} is not on the shelf: remove it by hand.")
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    else:
        with suppress(OSError):
            path.unlink()


def discard(stored: StoredSurvey) -> None:
    """Delete a survey and all that lies with it; pictures that it was not given stay.

    Raises:
        PictureError: it is running, also in another process, or cannot be deleted.
    """
    with Store(stored.survey).locked():
        gone = stored.folder.with_name(f"{_GONE}{stored.name}")  # no name that can be found
        try:
            stored.folder.rename(gone)
        except OSError as error:
            raise PictureError(
                f"{stored.name!r} cannot be deleted: {error.strerror or error}."
            ) from error
    remove(gone)
    if gone.exists():
        raise PictureError(
            f"Something of {stored.name!r} is left in {str(gone)!r}: delete it there."
        )


def done_and_total(folder: Path) -> tuple[int, int]:
    """Pictures that are stored in a survey's folder, and pictures that it measures in all.

    Both are 0 before it has begun.
    """
    store = Store(folder)
    if not store.exists:
        return 0, 0
    header = store.header()
    total, size = int(header["pictures"]), int(header["part_size"])
    return sum(min(size, total - part * size) for part in store.parts()), total
