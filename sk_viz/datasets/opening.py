"""The one reader of pictures: what a folder or file is, and the data set in it."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from sk_viz.datasets.archives import open_archives
from sk_viz.datasets.entries import About, Dataset, Ref
from sk_viz.datasets.folders import (
    ARCHIVE,
    LIST,
    TABLE,
    Contents,
    FolderDataset,
    container,
    contents,
)
from sk_viz.datasets.left_out import (
    BESIDE_PICTURES,
    BESIDE_TABLES,
    NOT_A_PICTURE,
    NOT_LISTED,
    UNREADABLE,
    LeftOut,
    count_sentence,
)
from sk_viz.datasets.lists import ListDataset, open_list
from sk_viz.datasets.tables import TableDataset, open_tables
from sk_viz.errors import PictureError
from sk_viz.paths import display_name
from sk_viz.pictures.decoding.signatures import FORMATS, HEAD, readable_format

_GIVE = (
    "give a folder of pictures, one folder per class, a zip or tar of them, parquet with a column "
    "of pictures, or a CSV list of paths and labels."
)
_LISTS = (".csv", ".tsv", ".jsonl", ".txt", ".lst")


def open_dataset(path: str | Path) -> Dataset:
    """Open pictures with their labels, wherever they lie.

    ===============================  =============================================================
    a folder                         every picture below it; the folders of its pictures are the
                                     labels (see :mod:`~sk_viz.datasets.layout`)
    a zip or tar, a folder of them   the same inside; WebDataset samples bring their labels
    parquet, a folder of them,       a column of bytes, of ``{bytes, path}`` or of paths, and where
    ``datasets.save_to_disk``        known ``label``, ``class``, ``name`` and ``box``
    a CSV, TSV or JSONL list         a column of paths and one of labels
    ===============================  =============================================================

    What a file is, its content says. A ``labels.json`` (entries with ``label``, ``name`` and
    perhaps ``wnids``) names numbered labels.

    Raises:
        PictureError: nothing is there, or no pictures are in it.
    """
    root = Path(path).expanduser()
    shown = display_name(str(path))
    try:
        if root.is_dir():
            return _folder(root.resolve(), shown)
        if root.is_file():
            return _file(root.resolve(), shown)
    except (OSError, ValueError) as error:  # such as a name that is too long, or with a zero
        if isinstance(error, PictureError):
            raise
        raise PictureError(f"{shown!r} cannot be read: {error}.") from error
    raise PictureError(f"There is no folder or file {shown!r}: {_GIVE}")


def _file(file: Path, shown: str) -> Dataset:
    with file.open("rb") as opened:
        head = opened.read(HEAD)
    root, name = file.parent, file.name
    kind = container(head, name.lower())
    found: Dataset | None = None
    if kind == TABLE:
        found = _filled(open_tables(root, [name], LeftOut()))
        if found is None:
            raise PictureError(
                f"{shown!r} has no column of pictures: give parquet with a column jpeg or image."
            )
        return found
    if kind == ARCHIVE:
        found = open_archives(root, [name], LeftOut())
        if found is None:
            raise PictureError(f"There are no pictures in {shown!r}: {_GIVE}")
        return found
    if readable_format(head):
        raise PictureError(f"{shown!r} is a single picture: give a folder of pictures.")
    if name.lower().endswith(_LISTS):
        found = open_list(root, name, LeftOut(), bounded=False, found=0)
        if found is not None:
            return found
    raise PictureError(f"{shown!r} is neither a table nor an archive nor a list: {_GIVE}")


def _folder(root: Path, shown: str) -> Dataset:
    """What most of a folder is; the rest is counted."""
    found = contents(root)
    listed = _listed(root, found)
    if listed is not None:
        return listed
    tables = open_tables(root, _whole(found, TABLE, partial(open_tables, root)), found.left_out)
    archives = open_archives(
        root, _whole(found, ARCHIVE, partial(open_archives, root)), found.left_out
    )
    rows, members = (0 if one is None else one.rows for one in (tables, archives))
    chosen = {table.file for table in tables.tables} if tables else set()
    chosen |= {archive.file for archive in archives.archives} if archives else set()
    if not found.pictures and not rows and not members:
        if tables is not None:
            _filled(tables)
        left = f" ({count_sentence(found.left_out.counts)})" if found.left_out.total else ""
        raise PictureError(
            f"There are no pictures in {shown!r}{left}: give a folder with {FORMATS} files, "
            "archives or parquet."
        )
    kept: set[str] = set()
    dataset: Dataset
    if tables is not None and rows >= max(found.pictures, members):
        dataset, kept = tables, {table.file for table in tables.tables}
    elif archives is not None and members > found.pictures:
        dataset, kept = archives, {archive.file for archive in archives.archives}
    else:
        dataset = FolderDataset.of(root, found)
    if kept:
        for about in FolderDataset.of(root, found).abouts():
            dataset.left_out.add(BESIDE_TABLES, about.name)
    for kind in (TABLE, ARCHIVE, LIST):
        for path in found.paths(kind):
            if path not in kept:
                reason = BESIDE_PICTURES if path in chosen else NOT_A_PICTURE
                dataset.left_out.add(reason, display_name(path))
    return dataset


def _whole(
    found: Contents, kind: str, opening: Callable[[list[str], LeftOut], object]
) -> list[str]:
    """The tables or archives of a folder that can be opened; one that is broken is counted."""
    whole = []
    for path in found.paths(kind):
        try:
            opening([path], LeftOut())
        except PictureError as error:
            found.left_out.add(UNREADABLE, display_name(path), str(error))
        else:
            whole.append(path)
    found.others[kind] = whole
    return whole


def _listed(root: Path, found: Contents) -> ListDataset | None:
    """The pictures that a list of the folder labels; all others are counted."""
    for path in found.paths(LIST):
        if "/" in path:
            continue
        dataset = open_list(root, path, found.left_out, bounded=True, found=found.pictures)
        if dataset is None:
            continue
        named = {row.path for row in dataset.rows}
        for about in FolderDataset.of(root, found).abouts():
            if about.ref.file not in named:
                dataset.left_out.add(NOT_LISTED, about.name)
        for kind in (TABLE, ARCHIVE, LIST):
            for other in found.paths(kind):
                if other != path:
                    dataset.left_out.add(BESIDE_PICTURES, display_name(other))
        dataset.left_out.add(NOT_A_PICTURE, display_name(path), "the list of the pictures")
        return dataset
    return None


def _filled(tables: TableDataset | None) -> TableDataset | None:
    """The same.

    Raises:
        PictureError: they have no rows.
    """
    if tables is not None and not tables.rows:
        raise PictureError(
            f"{display_name(tables.tables[0].file)!r} has no rows: give a table with pictures in "
            "it."
        )
    return tables


@dataclass(frozen=True)
class Fingerprint:
    """What tells whether a data set is still the same.

    Attributes:
        sha256: of the names and sizes of its files in order.
        pictures: how many it has.
    """

    sha256: str
    pictures: int


def fingerprint(abouts: Iterable[About]) -> Fingerprint:
    """The fingerprint of some pictures in order."""
    digest = hashlib.sha256()
    count = 0
    for about in abouts:
        ref = about.ref
        digest.update(os.fsencode(f"{ref.file}\0{ref.row}\0{ref.size}\n"))
        count += 1
    return Fingerprint(digest.hexdigest(), count)


def of_split(abouts: Iterable[About], split: str | None) -> Iterator[About]:
    """The pictures of one split, all when None."""
    return (about for about in abouts if split is None or about.split == split)


def spread(abouts: Iterable[About], total: int, limit: int | None) -> Iterator[Ref]:
    """At most ``limit`` of ``total`` pictures, evenly spread, so that every class has its share.

    Args:
        abouts: all of them, in order.
        total: how many they are.
        limit: how many to keep; all when None.
    """
    for position, about in enumerate(abouts):
        if limit is None or (position + 1) * limit // total > position * limit // total:
            yield about.ref
