"""Pictures inside zip and tar archives, read where they lie: nothing is unpacked.

No name of an archive becomes the name of a file, so none can lead anywhere. Archives of the
WebDataset kind keep the label of ``000001.jpg`` in ``000001.cls``, ``.txt`` or ``.json``.
"""

from __future__ import annotations

import json
import lzma
import stat
import tarfile
import zipfile
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import IO, Any

from sk_viz.datasets.columns import label_text
from sk_viz.datasets.entries import About, DatasetKind, Entry, Ref
from sk_viz.datasets.features import LabelNames, read_label_names
from sk_viz.datasets.folders import SUFFIXES
from sk_viz.datasets.layout import Layout, find_layout
from sk_viz.datasets.left_out import (
    HIDDEN,
    NOT_A_FILE,
    NOT_A_PICTURE,
    OUTSIDE,
    UNREADABLE,
    LeftOut,
)
from sk_viz.datasets.splits import split_of_path
from sk_viz.errors import PictureError
from sk_viz.paths import display_name
from sk_viz.pictures.decoding.signatures import HEAD, readable_format, unread_format
from sk_viz.pictures.picture import MAX_BYTES

_ENCRYPTED = 0x1
_LABELS = (".cls", ".label", ".class", ".json", ".txt")  # of WebDataset, the likeliest first
_MAX_LABEL = 1 << 20  # bytes
_BROKEN = (
    zipfile.BadZipFile, tarfile.TarError, zlib.error, EOFError, NotImplementedError, OSError,
    ValueError, RuntimeError, lzma.LZMAError,
)  # fmt: skip


@dataclass(frozen=True)
class Member:
    """One file of an archive.

    Attributes:
        path: in the archive, with forward slashes.
        number: its place among the archive's members.
        size: bytes, unpacked, as the archive says.
        label: of its WebDataset sample; None where there is none.
    """

    path: str
    number: int
    size: int
    label: str | None = None


@dataclass(frozen=True)
class Archive:
    """One archive.

    Attributes:
        file: path inside the data set.
        size: bytes of the archive.
        pictures: the members that are pictures, in order.
        split: by the archive's name; None where it names none.
    """

    file: str
    size: int
    pictures: tuple[Member, ...] = field(repr=False)
    split: str | None = None


@dataclass(frozen=True)
class ArchiveDataset:
    """Pictures of one or more archives.

    Attributes:
        root: the folder of the archives.
        archives: them, in order.
        layout: which folders inside them are classes and splits.
        names: names of the labels, from a ``labels.json`` beside them.
        left_out: what else lies in them and beside them.
    """

    root: Path
    archives: tuple[Archive, ...]
    layout: Layout
    names: LabelNames
    left_out: LeftOut = field(compare=False)

    @property
    def kind(self) -> DatasetKind:
        """Always ``archive``."""
        return "archive"

    @property
    def rows(self) -> int:
        """How many pictures there are."""
        return sum(len(archive.pictures) for archive in self.archives)

    @cached_property
    def class_names(self) -> tuple[str, ...]:
        """The labels in alphabetical order, numbers by their size."""
        labels = {about.label for about in self.abouts()} - {None}
        return tuple(sorted((str(one) for one in labels), key=_by_size))

    @property
    def wordnet_ids(self) -> Mapping[str, tuple[str, ...]]:
        """Those of ``labels.json``, by the name of the label."""
        return self.names.wordnet_ids

    def abouts(self) -> Iterator[About]:
        """Every picture, in the order of the archive."""
        for archive in self.archives:
            for row, member in enumerate(archive.pictures):
                yield self._about(archive, row, member)

    def entries(self, refs: Iterable[Ref]) -> Iterator[Entry]:
        """The members of the references, each read when it is its turn."""
        by_file = {archive.file: archive for archive in self.archives}
        file: str | None = None
        opened: Any = None
        with ExitStack() as stack:
            for ref in refs:
                archive = by_file[ref.file]
                if ref.file != file:
                    stack.close()
                    opened = stack.enter_context(_opened(self.root / ref.file))
                    file = ref.file
                member = archive.pictures[ref.row]
                about = self._about(archive, ref.row, member)
                yield Entry(about, _data(opened, member, about.name))

    def _about(self, archive: Archive, row: int, member: Member) -> About:
        label, split = self.layout.label_and_split(member.path)
        label = label if member.label is None else member.label
        label = None if label is None else display_name(self.names.names.get(label, label))
        name = member.path if len(self.archives) == 1 else f"{archive.file}/{member.path}"
        ref = Ref(archive.file, row, archive.size)
        return About(ref, display_name(name), label, split or archive.split)


def open_archives(root: Path, files: Sequence[str], left_out: LeftOut) -> ArchiveDataset | None:
    """The archives among some files that hold pictures; None where none does.

    Raises:
        PictureError: a file is not a whole archive.
    """
    archives: list[Archive] = []
    counts: dict[str, int] = {}
    inside = LeftOut()
    for file in files:
        own = LeftOut()
        with _sentence(file):
            pictures = _pictures(root / file, own)
        if not pictures:
            left_out.add(NOT_A_PICTURE, display_name(file), "an archive without pictures")
            continue
        inside = inside.merged(own)
        size = (root / file).stat().st_size
        archives.append(Archive(file, size, tuple(pictures), split_of_path(file)))
        for member in pictures:
            folder = member.path.rpartition("/")[0]
            counts[folder] = counts.get(folder, 0) + 1
    if not archives:
        return None
    layout = find_layout(counts)
    return ArchiveDataset(
        root, tuple(archives), layout, read_label_names(root), left_out.merged(inside)
    )


def _pictures(file: Path, left_out: LeftOut) -> list[Member]:
    """The members that are pictures, with their labels; the others are counted."""
    with _opened(file) as opened:
        members, labels = [], {}
        for number, (path, size, problem) in enumerate(_listed(opened)):
            kind = problem or _kind(opened, path, number, size)
            key, suffix = _key(path)
            if kind == "":
                members.append(Member(path, number, size))
            elif kind == NOT_A_PICTURE and suffix in _LABELS and size <= _MAX_LABEL:
                labels[path] = key, suffix, number
            elif kind != "folder":
                left_out.add(kind, display_name(path))
        found = _labels(opened, {_key(member.path)[0] for member in members}, labels, left_out)
        return [
            Member(one.path, one.number, one.size, found.get(_key(one.path)[0])) for one in members
        ]


def _labels(
    opened: Any,
    keys: set[str],
    candidates: Mapping[str, tuple[str, str, int]],
    left_out: LeftOut,
) -> dict[str, str]:
    """Labels by the key of a sample; a file that belongs to no picture is counted."""
    found: dict[str, tuple[int, str]] = {}
    for path, (key, suffix, number) in candidates.items():
        if key not in keys:
            left_out.add(NOT_A_PICTURE, display_name(path))
            continue
        rank = _LABELS.index(suffix)
        if key in found and found[key][0] < rank:
            continue
        try:
            text = _label(_read(opened, number, _MAX_LABEL), suffix)
        except _BROKEN:
            left_out.add(UNREADABLE, display_name(path))
            continue
        if text is not None:
            found[key] = rank, text
    return {key: label for key, (_, label) in found.items()}


def _label(data: bytes, suffix: str) -> str | None:
    """The label that a file beside a picture holds."""
    text = data.decode("utf-8", "replace").strip()
    if suffix == ".json":
        try:
            values = json.loads(text)
        except ValueError:
            return None
        if not isinstance(values, Mapping):
            return label_text(values) if isinstance(values, int | str) else None
        named = ("label_name", "class_name", "class", "label", "cls", "category", "target")
        return next((label_text(values[key]) for key in named if values.get(key) is not None), None)
    # A caption is not a label.
    return text if text and len(text) <= 100 and "\n" not in text else None


def _kind(opened: Any, path: str, number: int, size: int) -> str:
    """ "" for a picture, else the reason why it is left out, or ``folder``."""
    parts = path.split("/")
    if any(part.startswith(".") and part not in (".", "..") for part in parts):
        return HIDDEN
    if "__MACOSX" in parts:
        return HIDDEN
    lowered = path.lower()
    if lowered.endswith(SUFFIXES):
        return ""
    if lowered.endswith(_LABELS) or not size:
        return NOT_A_PICTURE
    try:
        head = _read(opened, number, HEAD)
    except _BROKEN:
        return UNREADABLE
    return "" if readable_format(head) or unread_format(head) else NOT_A_PICTURE


def _key(path: str) -> tuple[str, str]:
    """The key of a WebDataset sample, and the rest from the first point of the file's name on."""
    folder, slash, name = path.rpartition("/")
    stem, point, rest = name.partition(".")
    return f"{folder}{slash}{stem}", f"{point}{rest.rpartition('.')[2]}".lower()


@contextmanager
def _opened(file: Path) -> Iterator[Any]:
    """A zip or a tar, whichever it is."""
    with file.open("rb") as data:
        is_zip = data.read(4) == b"PK\x03\x04"
    if is_zip:
        with zipfile.ZipFile(file) as archive:
            yield archive
    else:
        with tarfile.open(file, errors="surrogateescape") as archive:
            yield archive


def _listed(opened: Any) -> Iterator[tuple[str, int, str]]:
    """Path, size, and the reason to leave it out, "" where there is none."""
    if isinstance(opened, zipfile.ZipFile):
        for entry in opened.infolist():
            mode = stat.S_IFMT(entry.external_attr >> 16)
            problem = "folder" if entry.is_dir() else ""
            if mode not in (0, stat.S_IFREG, stat.S_IFDIR):
                problem = OUTSIDE if mode == stat.S_IFLNK else NOT_A_FILE
            yield entry.filename.replace("\\", "/").lstrip("/"), entry.file_size, problem
        return
    for one in opened:
        problem = "" if one.isfile() else "folder" if one.isdir() else NOT_A_FILE
        yield one.name.removeprefix("./").lstrip("/"), one.size, OUTSIDE if one.issym() else problem


def _read(opened: Any, number: int, most: int) -> bytes:
    """At most ``most`` bytes of a member, whatever size the archive claims."""
    if isinstance(opened, zipfile.ZipFile):
        with opened.open(opened.infolist()[number]) as member:
            return _at_most(member, most)
    file = opened.extractfile(opened.getmembers()[number])
    return b"" if file is None else _at_most(file, most)


def _at_most(file: IO[bytes], most: int) -> bytes:
    data = file.read(most)
    return bytes(data)


def _data(opened: Any, member: Member, name: str) -> bytes | PictureError:
    """The bytes of a picture, or why they cannot be read."""
    if isinstance(opened, zipfile.ZipFile) and (
        opened.infolist()[member.number].flag_bits & _ENCRYPTED
    ):
        return PictureError(f"{name!r} is locked by a password: pack it without one.")
    try:
        return _read(opened, member.number, MAX_BYTES + 1)
    except _BROKEN as error:
        return PictureError(f"{name!r} cannot be unpacked: {str(error).rstrip('.')}.")


@contextmanager
def _sentence(file: str) -> Iterator[None]:
    """Turn the errors of a damaged archive into one sentence."""
    try:
        yield
    except PictureError:
        raise
    except _BROKEN as error:
        raise PictureError(
            f"{display_name(file)!r} is not a whole archive that can be read here: make it again."
        ) from error


def _by_size(label: str) -> tuple[int, int, str]:
    return (0, int(label), "") if label.isdecimal() else (1, 0, label)
