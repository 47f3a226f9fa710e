"""Where the pictures of a survey come from: a folder, an ImageFolder, or parquet files.

A source is read in one fixed order and never held in memory: it hands out small references, and
reads the pictures of those it is asked for.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, Protocol

import pyarrow as pa
import pyarrow.parquet as pq

from sk_viz.errors import PictureError

SUFFIXES = (".jpg", ".jpeg", ".png", ".webp", ".bmp", ".tif", ".tiff", ".gif")
BATCH_ROWS = 256

Box = tuple[float, float, float, float]
Kind = Literal["folder", "imagefolder", "parquet"]


@dataclass(frozen=True)
class Ref:
    """Which picture: a file of the source, and its row where that file is a table.

    Attributes:
        file: path inside the source, with forward slashes.
        row: from 0 in a parquet file; -1 for a picture file.
        size: bytes of the picture file, or of the parquet file.
    """

    file: str
    row: int
    size: int


@dataclass(frozen=True)
class Entry:
    """One picture, not yet decoded.

    Attributes:
        name: shown to people.
        data: the bytes of its file, the path to read them from, or the reason why there are none.
        label: name of its class, or the number of it where the source names none.
        box: (x0, y0, x1, y1) in pixels around its object.
    """

    name: str
    data: bytes | Path | PictureError
    label: str | None = None
    box: Box | None = None


class Source(Protocol):
    """Many pictures in a fixed order."""

    @property
    def kind(self) -> Kind:
        """What sort of source it is."""

    @property
    def wordnet_ids(self) -> Mapping[str, tuple[str, ...]]:
        """WordNet ids of the labels, where the source knows them."""

    def refs(self) -> Iterator[Ref]:
        """Every picture, always in the same order."""

    def entries(self, refs: Iterable[Ref]) -> Iterator[Entry]:
        """The pictures asked for, one a reference; quickest in the order of :meth:`refs`."""


def open_source(path: str | Path) -> Source:
    """A folder of pictures, an ImageFolder (one folder a class), or parquet.

    Parquet is one file, or a folder of files, with the columns ``jpeg`` (the bytes of a picture
    file of any format) and, where known, ``label``, ``name`` and ``box`` (x0, y0, x1, y1 in
    pixels). A label is named by a ``labels.json`` beside the files (entries with ``label``,
    ``name`` and perhaps ``wnids``) or else by a column ``class``.

    Raises:
        PictureError: nothing there, or no pictures in it.
    """
    root = Path(path)
    if root.is_file() and root.suffix.lower() == ".parquet":
        return _parquet_source(root.parent, (root.name,))
    if not root.is_dir():
        raise PictureError(
            f"There is no folder or parquet file {str(path)!r}: give a folder of pictures, one "
            "folder a class, or parquet with a column jpeg."
        )
    tables = tuple(sorted(file.name for file in root.glob("*.parquet")))
    if tables:
        return _parquet_source(root, tables)
    first = next(_walk(root, ""), None)
    if first is None:
        raise PictureError(
            f"There are no pictures in {str(path)!r}: give a folder with {', '.join(SUFFIXES)} "
            "or .parquet files."
        )
    return FolderSource(root.resolve(), "folder" if _has_pictures(root) else "imagefolder")


def fingerprint(source: Source) -> tuple[str, int]:
    """What tells whether a source is still the same, and how many pictures it has.

    Returns:
        The sha256 of the names and sizes of its files in order, and the number of pictures.
    """
    digest = hashlib.sha256()
    count = 0
    for ref in source.refs():
        digest.update(f"{ref.file}\0{ref.row}\0{ref.size}\n".encode())
        count += 1
    return digest.hexdigest(), count


def spread(refs: Iterable[Ref], total: int, limit: int | None) -> Iterator[Ref]:
    """At most ``limit`` of ``total`` references, evenly spread, so that every class has its share.

    Args:
        refs: all of them, in order.
        total: how many they are.
        limit: how many to keep; all when None.
    """
    if limit is None or limit >= total:
        yield from refs
        return
    for position, ref in enumerate(refs):
        if (position + 1) * limit // total > position * limit // total:
            yield ref


@dataclass(frozen=True)
class FolderSource:
    """Picture files under a folder; the first folder of a path is the label of an ImageFolder."""

    root: Path
    kind: Kind

    @property
    def wordnet_ids(self) -> Mapping[str, tuple[str, ...]]:
        """A folder may itself be named by a WordNet id; nothing else is known."""
        return {}

    def refs(self) -> Iterator[Ref]:
        """Every picture file, folders and names in alphabetical order."""
        return _walk(self.root, "")

    def entries(self, refs: Iterable[Ref]) -> Iterator[Entry]:
        """Paths to be read when they are decoded."""
        for ref in refs:
            label = ref.file.split("/", 1)[0] if self.kind == "imagefolder" else None
            path = self.root / ref.file
            data: Path | PictureError = path
            # A link may not lead a reader of the report to a file elsewhere on this machine.
            if path.is_symlink() and not path.resolve().is_relative_to(self.root):
                data = PictureError(f"{ref.file!r} is a link that leads out of the folder.")
            yield Entry(ref.file, data, label)


@dataclass(frozen=True)
class ParquetSource:
    """Rows of parquet files.

    Attributes:
        root: the folder of the files.
        files: their names, in order.
        columns: those of ``jpeg``, ``label``, ``class``, ``name`` and ``box`` that are there.
        names: name of a label, from ``labels.json``.
        wordnet_ids: WordNet ids by that name.
    """

    root: Path
    files: tuple[str, ...]
    columns: tuple[str, ...]
    names: Mapping[str, str] = field(default_factory=dict)
    wordnet_ids: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    @property
    def kind(self) -> Kind:
        """Always parquet."""
        return "parquet"

    def refs(self) -> Iterator[Ref]:
        """Every row, files in alphabetical order."""
        for file in self.files:
            path = self.root / file
            size = path.stat().st_size
            for row in range(pq.read_metadata(path).num_rows):
                yield Ref(file, row, size)

    def entries(self, refs: Iterable[Ref]) -> Iterator[Entry]:
        """The rows asked for; a step back to an earlier row reads its row group anew."""
        file, first = "", 0
        batch: pa.RecordBatch | None = None
        batches: Iterator[tuple[int, pa.RecordBatch]] = iter(())
        for ref in refs:
            if ref.file != file or ref.row < first:
                batches, batch = _batches(self.root / ref.file, self.columns, ref.row), None
                file = ref.file
            while batch is None or ref.row >= first + len(batch):
                first, batch = next(batches)
            yield self._entry(ref, batch.slice(ref.row - first, 1).to_pylist()[0])

    def _entry(self, ref: Ref, row: dict[str, Any]) -> Entry:
        place = f"{ref.file}:{ref.row}"
        data = row["jpeg"]
        label = row.get("label")
        named = row.get("class") if not self.names else self.names.get(str(label))
        text = named if named is not None else label
        return Entry(
            name=str(row.get("name") or place),
            data=data if data else PictureError(f"{place} has no bytes in its column jpeg."),
            label=None if text is None else str(text),
            box=_box(row.get("box")),
        )


def _parquet_source(root: Path, files: tuple[str, ...]) -> ParquetSource:
    columns: list[str] = []
    for file in files:
        try:
            schema = pq.read_schema(root / file)
        except (OSError, pa.ArrowException) as error:
            raise PictureError(
                f"{file!r} is not a whole parquet file: write or copy it again."
            ) from error
        if "jpeg" not in schema.names:
            raise PictureError(
                f"{file!r} has no column jpeg: give parquet with the columns jpeg (bytes of the "
                "picture files), label and name."
            )
        columns = [c for c in ("jpeg", "label", "class", "name", "box") if c in schema.names]
    labels = root / "labels.json"
    names: dict[str, str] = {}
    wordnet_ids: dict[str, tuple[str, ...]] = {}
    if labels.is_file():
        try:
            for one in json.loads(labels.read_text(encoding="utf-8")):
                names[str(one["label"])] = str(one["name"])
                wordnet_ids[str(one["name"])] = tuple(one.get("wnids", ()))
        except (ValueError, KeyError, TypeError) as error:
            raise PictureError(
                "labels.json must be a list of entries with label and name: mend or remove it."
            ) from error
    return ParquetSource(root.resolve(), files, tuple(columns), names, wordnet_ids)


def _batches(
    path: Path, columns: tuple[str, ...], first: int
) -> Iterator[tuple[int, pa.RecordBatch]]:
    """Some rows of a file at a time, with the number of their first, from a row's group on."""
    # Without these two settings a whole row group would be read at once.
    with pq.ParquetFile(path, pre_buffer=False, buffer_size=1 << 20) as file:
        start, group = 0, 0
        while start + file.metadata.row_group(group).num_rows <= first:
            start += file.metadata.row_group(group).num_rows
            group += 1
        groups = list(range(group, file.num_row_groups))
        present = [c for c in columns if c in file.schema_arrow.names]
        for batch in file.iter_batches(BATCH_ROWS, row_groups=groups, columns=present):
            yield start, batch
            start += len(batch)


def _box(value: object) -> Box | None:
    """Four numbers with an area, or None."""
    if not isinstance(value, list | tuple) or len(value) != 4 or any(v is None for v in value):
        return None
    x0, y0, x1, y1 = (float(v) for v in value)
    return (x0, y0, x1, y1) if x1 > x0 and y1 > y0 else None


def _walk(root: Path, inside: str) -> Iterator[Ref]:
    """The picture files of a folder and its folders; one folder's names in memory at a time."""
    with os.scandir(root / inside) as listing:
        found = sorted(
            (
                (entry.name, entry.is_dir(follow_symlinks=False))
                for entry in listing
                if not entry.name.startswith(".")
            ),
        )
    for name, is_folder in found:
        path = f"{inside}/{name}" if inside else name
        if is_folder:
            yield from _walk(root, path)
        elif name.lower().endswith(SUFFIXES):
            yield Ref(path, -1, (root / path).lstat().st_size)


def _has_pictures(root: Path) -> bool:
    """Whether picture files lie directly in a folder."""
    with os.scandir(root) as listing:
        return any(
            entry.name.lower().endswith(SUFFIXES) and not entry.is_dir(follow_symlinks=False)
            for entry in listing
            if not entry.name.startswith(".")
        )
