"""Lists of pictures: CSV, TSV and JSON lines with a path and a label in each row."""

from __future__ import annotations

import csv
import json
import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from sk_viz.datasets.columns import label_text
from sk_viz.datasets.entries import About, DatasetKind, Entry, Ref
from sk_viz.datasets.features import LabelNames, read_label_names
from sk_viz.datasets.folders import SUFFIXES, inside
from sk_viz.datasets.left_out import LeftOut
from sk_viz.errors import PictureError
from sk_viz.paths import display_name

_PATHS = (
    "file_name", "filename", "path", "file", "filepath", "file_path", "image_path", "image",
    "img", "image_id", "id", "name", "picture",
)  # fmt: skip
_LABELS = (
    "label", "class", "class_name", "category", "target", "labels", "label_name", "wnid", "cls",
    "class_id", "breed", "species",
)  # fmt: skip
_SPLITS = ("split", "subset", "partition")
_MAX_BYTES = 1 << 30


@dataclass(frozen=True)
class Listed:
    """One row of a list.

    Attributes:
        path: as the list names it.
        label: None where its cell is empty.
        split: None where the list names none.
    """

    path: str
    label: str | None
    split: str | None


@dataclass(frozen=True)
class ListDataset:
    """The pictures that a list names.

    Attributes:
        root: the folder that the paths are seen from.
        file: name of the list.
        rows: of the list, with the paths of files that are there.
        names: names of the labels, from a ``labels.json`` beside it.
        bounded: whether a path may not lead out of the root: the list was found there and not
            given by its own name.
        left_out: what else lies there.
    """

    root: Path
    file: str
    rows: tuple[Listed, ...] = field(repr=False)
    names: LabelNames
    bounded: bool
    left_out: LeftOut = field(compare=False)

    @property
    def kind(self) -> DatasetKind:
        """Always ``list``."""
        return "list"

    @property
    def class_names(self) -> tuple[str, ...]:
        """The labels in alphabetical order."""
        return tuple(sorted({row.label for row in self.rows if row.label is not None}))

    @property
    def wordnet_ids(self) -> Mapping[str, tuple[str, ...]]:
        """Those of ``labels.json``, by the name of the label."""
        return self.names.wordnet_ids

    def abouts(self) -> Iterator[About]:
        """Every row, in the order of the list."""
        for number, row in enumerate(self.rows):
            try:
                size = (self.root / row.path).stat().st_size
            except (OSError, ValueError):
                size = 0
            yield self._about(Ref(row.path, number, size))

    def entries(self, refs: Iterable[Ref]) -> Iterator[Entry]:
        """Paths to be read when they are decoded."""
        for ref in refs:
            path: Path | PictureError = self.root / ref.file
            if self.bounded:
                path = inside(self.root, ref.file)
            yield Entry(self._about(ref), path)

    def _about(self, ref: Ref) -> About:
        row = self.rows[ref.row]
        label = None if row.label is None else self.names.names.get(row.label, row.label)
        name = display_name(row.path)
        return About(ref, name, None if label is None else display_name(label), row.split)


def open_list(
    root: Path, file: str, left_out: LeftOut, *, bounded: bool, found: int
) -> ListDataset | None:
    """A list of pictures; None where the file lists none that are there.

    Args:
        root: the folder of the list, resolved.
        file: its name.
        left_out: what else lies beside it.
        bounded: whether it may name files of the root alone.
        found: pictures below the root; a list found beside pictures must have labels.

    Raises:
        PictureError: the list was given by its name and names no picture that is there.
    """
    rows = _rows(root / file)
    placed = _place(root, rows, bounded=bounded)
    there = any((root / row.path).is_file() for row in placed[:50])
    labelled = any(row.label is not None for row in placed)
    if bounded and not (there and labelled and found):
        return None
    if not placed or not there:
        raise PictureError(
            f"{display_name(file)!r} names no picture that is there: give a list with the columns "
            "path and label, its paths seen from the list's folder."
        )
    return ListDataset(root, file, tuple(placed), read_label_names(root), bounded, left_out)


def _rows(file: Path) -> list[list[str] | dict[str, str]]:
    try:
        if file.stat().st_size > _MAX_BYTES:
            raise PictureError(f"{file.name!r} is over 1 GB: split the list.")
        text = file.read_text(encoding="utf-8-sig", errors="surrogateescape")
    except OSError as error:
        raise PictureError(
            f"{display_name(file.name)!r} cannot be read: {error.strerror or error}."
        ) from error
    if file.suffix.lower() == ".jsonl":
        return [row for line in text.splitlines() if (row := _json_row(line)) is not None]
    lines = [line for line in text.splitlines() if line.strip() and not line.startswith("#")]
    delimiter = next((one for one in "\t;," if one in (lines[0] if lines else "")), None)
    if delimiter is None:  # "n01440764/1.jpg 0", as lists of Caffe are
        return [line.rsplit(None, 1) for line in lines]
    try:
        return list(csv.reader(lines, delimiter=delimiter))
    except csv.Error:
        return []


def _json_row(line: str) -> dict[str, str] | None:
    try:
        values = json.loads(line) if line.strip() else None
    except ValueError:
        return None
    if not isinstance(values, Mapping):
        return None
    return {str(k): t for k, v in values.items() if (t := label_text(v)) is not None}


def _place(
    root: Path, rows: Sequence[list[str] | dict[str, str]], *, bounded: bool
) -> list[Listed]:
    """Path, label and split of each row; the columns by their names, or by what they hold."""
    if not rows:
        return []
    first = rows[0]
    if isinstance(first, dict):
        tables: Iterable[Mapping[str, str]] = [row for row in rows if isinstance(row, dict)]
        names = list(first)
    else:
        plain = [row for row in rows if isinstance(row, list)]
        header = [cell.strip().lower() for cell in first]
        has_header = any(cell in _PATHS for cell in header) and not _is_there(root, first)
        names = header if has_header else [str(n) for n in range(len(first))]
        body = plain[1:] if has_header else plain
        tables = [dict(zip(names, row, strict=False)) for row in body]
    tables = list(tables)
    path = _path_column(root, names, tables)
    if path is None:
        return []
    by_lower = {name.lower(): name for name in names if name != path}
    label = next((by_lower[n] for n in _LABELS if n in by_lower), None)
    if label is None and all(name.isdecimal() for name in names) and len(names) > 1:
        label = next(name for name in names if name != path)
    split = next((by_lower[n] for n in _SPLITS if n in by_lower), None)
    completed = _completed(root, tables[0].get(path, ""))
    found = []
    for row in tables:
        cell = row.get(path, "").strip()
        if not cell:
            continue
        name = os.path.normpath(completed.replace("*", cell)).replace(os.sep, "/")
        if bounded and (name.startswith("../") or os.path.isabs(name)):  # noqa: PTH117
            continue
        found.append(
            Listed(name, label_text(row.get(label or "")), label_text(row.get(split or "")))
        )
    return found


def _is_there(root: Path, row: Sequence[str]) -> bool:
    return any((root / cell.strip()).is_file() for cell in row if cell.strip())


def _path_column(root: Path, names: Sequence[str], rows: Sequence[Mapping[str, str]]) -> str | None:
    """The column whose first cells name files; by its name where several could."""
    ordered = [n for p in _PATHS for n in names if n.lower() == p]
    ordered += [n for n in names if n not in ordered]
    for name in ordered:
        cells = [row.get(name, "").strip() for row in rows[:20]]
        if any(cell and _completed(root, cell) for cell in cells):
            return name
        if any(cell.lower().endswith(SUFFIXES) for cell in cells):
            return name
    return None


def _completed(root: Path, cell: str) -> str:
    """How a cell becomes a path, ``*`` standing for it: often folder and ending are left out."""
    cell = cell.strip()
    if not cell or re.search(r"[\0*]", cell):
        return ""
    if (root / cell).is_file():
        return "*"
    folders = ["", *(f"{f.name}/" for f in sorted(root.iterdir()) if f.is_dir())]
    for folder in folders:
        for ending in ("", ".jpg", ".jpeg", ".png", ".JPEG", ".webp"):
            if (root / f"{folder}{cell}{ending}").is_file():
                return f"{folder}*{ending}"
    return "*" if cell.lower().endswith(SUFFIXES) else ""
