"""Picture files in folders: the walk through them, what they are, and their labels."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from sk_viz.datasets.entries import About, DatasetKind, Entry, Ref
from sk_viz.datasets.layout import Layout, find_layout
from sk_viz.datasets.left_out import (
    BROKEN_LINK,
    CIRCLE,
    HIDDEN,
    NO_PERMISSION,
    NOT_A_FILE,
    NOT_A_PICTURE,
    OUTSIDE,
    LeftOut,
)
from sk_viz.errors import OutsideLinkError, PictureError
from sk_viz.paths import display_name
from sk_viz.pictures.decoding.signatures import HEAD, readable_format, unread_format

# Files so named are taken for pictures without a look; what else they are shows when they are
# read. All others are asked for their first bytes.
SUFFIXES = (
    ".jpg", ".jpeg", ".png", ".webp", ".bmp", ".tif", ".tiff", ".gif",
    ".jfif", ".jpe", ".jif", ".dib", ".apng", ".heic", ".heif", ".avif",
)  # fmt: skip
PICTURE, TABLE, ARCHIVE, LIST = "picture", "table", "archive", "list"

_LISTS = (".csv", ".tsv", ".jsonl")
_LEFT_BY_SYSTEMS = ("__MACOSX",)


@dataclass(frozen=True)
class Found:
    """A file or folder of a walk.

    Attributes:
        path: inside the root, with forward slashes.
        kind: ``PICTURE``, ``TABLE``, ``ARCHIVE`` or ``LIST``, or the reason why it is left out.
        size: bytes of the file, 0 where it is left out.
        detail: what is to be said besides.
    """

    path: str
    kind: str
    size: int = 0
    detail: str = ""


@dataclass
class Contents:
    """What a walk has found.

    Attributes:
        counts: pictures by the path of their folder.
        left_out: what is neither picture nor table, archive or list.
        others: paths of tables, archives and lists, by kind.
        linked: folders outside the root that were read through a link.
    """

    counts: dict[str, int] = field(default_factory=dict)
    left_out: LeftOut = field(default_factory=LeftOut)
    others: dict[str, list[str]] = field(default_factory=dict)
    linked: list[str] = field(default_factory=list)

    @property
    def pictures(self) -> int:
        """How many picture files there are."""
        return sum(self.counts.values())

    def paths(self, kind: str) -> list[str]:
        """Paths of the tables, archives or lists."""
        return self.others.get(kind, [])


def contents(root: Path) -> Contents:
    """Walk through a folder once and count what is in it.

    Raises:
        PictureError: the folder itself cannot be read.
    """
    try:
        os.scandir(root).close()
    except OSError as error:
        raise PictureError(
            f"{display_name(str(root))!r} cannot be read: {error.strerror or error}."
        ) from error
    result = Contents()
    for found in walk(root):
        if found.kind == PICTURE:
            folder = found.path.rpartition("/")[0]
            result.counts[folder] = result.counts.get(folder, 0) + 1
        elif found.kind in (TABLE, ARCHIVE, LIST):
            result.others.setdefault(found.kind, []).append(found.path)
        else:
            result.left_out.add(found.kind, display_name(found.path), found.detail)
    return result


@dataclass(frozen=True)
class FolderDataset:
    """Picture files below a folder, labelled by the folders they lie in.

    Attributes:
        root: the folder.
        layout: which of its folders are classes and splits.
        left_out: what else lies in it.
    """

    root: Path
    layout: Layout
    left_out: LeftOut = field(compare=False)

    @classmethod
    def of(cls, root: Path, found: Contents) -> FolderDataset:
        """From what a walk through the folder has found."""
        return cls(root, find_layout(found.counts), found.left_out)

    @property
    def kind(self) -> DatasetKind:
        """``imagefolder`` where folders name the classes."""
        return "imagefolder" if self.layout.labelled else "folder"

    @property
    def class_names(self) -> tuple[str, ...]:
        """The labels in alphabetical order."""
        labels = {about.label for about in self.abouts()}
        return tuple(sorted(label for label in labels if label is not None))

    @property
    def wordnet_ids(self) -> Mapping[str, tuple[str, ...]]:
        """A folder may itself be named by a WordNet id; nothing else is known."""
        return {}

    def abouts(self) -> Iterator[About]:
        """Every picture file, folders and names in alphabetical order."""
        for found in walk(self.root):
            if found.kind == PICTURE:
                yield self._about(Ref(found.path, -1, found.size))

    def entries(self, refs: Iterable[Ref]) -> Iterator[Entry]:
        """Paths to be read when they are decoded."""
        for ref in refs:
            yield Entry(self._about(ref), inside(self.root, ref.file))

    def _about(self, ref: Ref) -> About:
        label, split = self.layout.label_and_split(ref.file)
        return About(
            ref,
            display_name(ref.file),
            None if label is None else display_name(label),
            split,
        )


def inside(root: Path, file: str) -> Path | PictureError:
    """The path of a file below a root, or why it is not read.

    A link to a file elsewhere on this machine is not followed: a folder that somebody sent must
    not choose what is read here.
    """
    path = root / file
    if path.is_symlink() and not path.resolve().is_relative_to(root):
        return OutsideLinkError(f"{display_name(file)!r} is a link that leads out of the folder.")
    return path


def walk(root: Path) -> Iterator[Found]:
    """Every file below a folder in alphabetical order; one folder's names in memory at a time."""
    yield from _walk(root, "", (root.resolve(),))


def _walk(root: Path, folder: str, way: tuple[Path, ...], hidden: bool = False) -> Iterator[Found]:
    try:
        with os.scandir(root / folder) as listing:
            entries = sorted(listing, key=lambda entry: entry.name)
    except OSError:
        yield Found(folder, NO_PERMISSION, detail="a folder")
        return
    for entry in entries:
        path = f"{folder}/{entry.name}" if folder else entry.name
        unseen = hidden or entry.name.startswith(".") or entry.name in _LEFT_BY_SYSTEMS
        if entry.is_dir(follow_symlinks=False):
            yield from _walk(root, path, (*way, way[-1] / entry.name), unseen)
        elif unseen:
            yield Found(path, HIDDEN)
        elif entry.is_symlink():
            yield from _through_link(root, path, way)
        else:
            yield _file(entry, path)


def _through_link(root: Path, path: str, way: tuple[Path, ...]) -> Iterator[Found]:
    """A link: to a file or a folder inside, to a folder of pictures outside, or to nothing.

    A linked class folder outside the root is read, as by other loaders of image folders, but only
    the pictures that lie directly in it.
    """
    link = root / path
    try:
        target = link.resolve(strict=True)
        mode = target.stat().st_mode
    except (OSError, RuntimeError):
        yield Found(path, BROKEN_LINK)
        return
    within = target.is_relative_to(way[0])
    if not stat.S_ISDIR(mode):
        yield _look(link, path, mode, target.stat().st_size) if within else Found(path, OUTSIDE)
    elif target in way or any(one.is_relative_to(target) for one in way):
        yield Found(path, CIRCLE)
    elif within:
        yield from _walk(root, path, (*way, target))
    else:
        pictures = list(_plain_pictures(link, path))
        yield from pictures or [Found(path, OUTSIDE)]


def _plain_pictures(folder: Path, path: str) -> Iterator[Found]:
    """The picture files that lie directly in a linked folder, without links or folders."""
    try:
        with os.scandir(folder) as listing:
            entries = sorted(listing, key=lambda entry: entry.name)
    except OSError:
        return
    for entry in entries:
        if not entry.name.startswith(".") and entry.is_file(follow_symlinks=False):
            found = _file(entry, f"{path}/{entry.name}")
            if found.kind == PICTURE:
                yield found


def _file(entry: os.DirEntry[str], path: str) -> Found:
    try:
        state = entry.stat(follow_symlinks=False)
    except OSError:
        return Found(path, NO_PERMISSION)
    return _look(Path(entry.path), path, state.st_mode, state.st_size)


def _look(file: Path, path: str, mode: int, size: int) -> Found:
    """What a file is."""
    if not stat.S_ISREG(mode):
        return Found(path, NOT_A_FILE)
    lowered = path.lower()
    if lowered.endswith(SUFFIXES):
        return Found(path, PICTURE, size)
    try:
        with file.open("rb") as opened:
            head = opened.read(HEAD)
    except OSError:
        return Found(path, NO_PERMISSION)
    if readable_format(head) or unread_format(head):
        return Found(path, PICTURE, size)
    if kind := container(head, lowered):
        return Found(path, kind, size)
    return Found(path, LIST if lowered.endswith(_LISTS) else NOT_A_PICTURE, size)


def container(head: bytes, name: str) -> str | None:
    """Whether a file is a table or an archive, by its first bytes.

    Args:
        head: the first bytes.
        name: in lower case; tells a compressed archive and a stream of Arrow.
    """
    if head.startswith((b"PAR1", b"ARROW1")) or (
        head.startswith(b"\xff\xff\xff\xff") and name.endswith(".arrow")
    ):
        return TABLE
    compressed = head.startswith((b"\x1f\x8b", b"BZh", b"\xfd7zXZ"))
    if head.startswith(b"PK\x03\x04") or head[257:262] == b"ustar":
        return ARCHIVE
    if compressed and name.endswith((".tgz", ".tar.gz", ".tar.bz2", ".tar.xz")):
        return ARCHIVE
    return None
