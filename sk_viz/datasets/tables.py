"""Pictures in tables: parquet files, and the Arrow files of ``datasets.save_to_disk``."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from sk_viz.datasets.columns import (
    Columns,
    box_value,
    find_columns,
    label_text,
    name_in,
    picture_value,
)
from sk_viz.datasets.entries import About, DatasetKind, Entry, Ref
from sk_viz.datasets.features import LabelNames, features_of, read_label_names
from sk_viz.datasets.folders import inside
from sk_viz.datasets.left_out import LeftOut
from sk_viz.datasets.splits import split_of_path
from sk_viz.errors import PictureError
from sk_viz.paths import display_name

BATCH_ROWS = 256
_PARQUET = b"PAR1"


@dataclass(frozen=True)
class Table:
    """One file.

    Attributes:
        file: path inside the data set, with forward slashes.
        columns: which of its columns hold what.
        rows: how many there are.
        split: by the file's name or folder; None where it names none.
    """

    file: str
    columns: Columns
    rows: int
    split: str | None


@dataclass(frozen=True)
class TableDataset:
    """Rows of tables.

    Attributes:
        root: the folder of the files.
        tables: the files, in order.
        names: names of the labels, from ``labels.json``.
        left_out: what else lies beside them.
    """

    root: Path
    tables: tuple[Table, ...]
    names: LabelNames
    left_out: LeftOut = field(compare=False)

    @property
    def kind(self) -> DatasetKind:
        """Always ``parquet``."""
        return "parquet"

    @property
    def rows(self) -> int:
        """How many rows all files have."""
        return sum(table.rows for table in self.tables)

    @property
    def wordnet_ids(self) -> Mapping[str, tuple[str, ...]]:
        """Those of ``labels.json``, by the name of the label."""
        return self.names.wordnet_ids

    @property
    def class_names(self) -> tuple[str, ...]:
        """By the numbers of the labels where there are any, else in alphabetical order."""
        if self.names.names:
            return _by_number(self.names.names)
        if names := next((t.columns.names for t in self.tables if t.columns.names), ()):
            return names
        named: dict[str, str] = {}
        for table in self.tables:
            for _, row in self._rows(table, 0, table.columns.described):
                number = label_text(row.get(table.columns.label or ""))
                label = self._label(table, row)
                if label is not None:
                    named[number if number is not None else label] = label
        if all(number.isdecimal() for number in named):
            return _by_number(named)
        return tuple(sorted(set(named.values())))

    def abouts(self) -> Iterator[About]:
        """Every row, files in alphabetical order."""
        for table in self.tables:
            size = (self.root / table.file).stat().st_size
            for row, values in self._rows(table, 0, table.columns.without_pictures):
                yield self._about(table, Ref(table.file, row, size), values)

    def entries(self, refs: Iterable[Ref]) -> Iterator[Entry]:
        """The rows of the references; a step back to an earlier row reads its group again."""
        by_file = {table.file: table for table in self.tables}
        file, position = "", -1
        rows: Iterator[tuple[int, dict[str, Any]]] = iter(())
        values: dict[str, Any] = {}
        for ref in refs:
            table = by_file[ref.file]
            if ref.file != file or ref.row < position:
                columns = [table.columns.picture, *table.columns.described]
                rows = self._rows(table, ref.row, list(dict.fromkeys(columns)))
                file, position = ref.file, -1
            while position < ref.row:
                position, values = next(rows)
            about = self._about(table, ref, values)
            yield Entry(
                about,
                self._data(table, values, about.name),
                box_value(values.get(table.columns.box or "")),
                label_text(values.get(table.columns.collection or "")),
            )

    def _about(self, table: Table, ref: Ref, row: Mapping[str, Any]) -> About:
        name = name_in(row, table.columns) or f"{ref.file}:{ref.row}"
        return About(ref, display_name(name), self._label(table, row), table.split)

    def _label(self, table: Table, row: Mapping[str, Any]) -> str | None:
        """The label's name, or its number where it has none."""
        columns = table.columns
        label = label_text(row.get(columns.label or ""))
        if label is not None and label in self.names.names:
            return self.names.names[label]
        if (named := label_text(row.get(columns.class_name or ""))) is not None:
            return named
        if label is not None and label.isdecimal() and int(label) < len(columns.names):
            return columns.names[int(label)]
        # Data sets of the hub mark by -1 that there is no label.
        return None if label == "-1" else label

    def _data(self, table: Table, row: Mapping[str, Any], name: str) -> bytes | Path | PictureError:
        value = picture_value(row.get(table.columns.picture), name)
        if not isinstance(value, str):
            return value
        folder = Path(table.file).parent
        path = (self.root / folder / value).resolve()
        if not path.is_relative_to(self.root):
            return PictureError(f"{name!r} lies outside the folder of {table.file!r}.")
        if not path.is_file():
            return PictureError(
                f"There is no file {display_name(value)!r} beside {table.file!r}, which names it: "
                "put the pictures there, or their bytes into the table."
            )
        return inside(self.root, path.relative_to(self.root).as_posix())

    def _rows(
        self, table: Table, first: int, columns: Sequence[str]
    ) -> Iterator[tuple[int, dict[str, Any]]]:
        """The rows of a file with their numbers, from ``first`` on."""
        if not columns:
            yield from ((row, {}) for row in range(first, table.rows))
            return
        try:
            for start, batch in _batches(self.root / table.file, columns, first):
                for offset, row in enumerate(batch.to_pylist()):
                    if start + offset >= first:
                        yield start + offset, row
        except (OSError, pa.ArrowException, ValueError) as error:
            raise _broken(table.file) from error


def open_tables(root: Path, files: Sequence[str], left_out: LeftOut) -> TableDataset | None:
    """The tables among some files that have a column of pictures; None where there are none.

    Raises:
        PictureError: a file is not a whole table.
    """
    tables = []
    for file in files:
        try:
            schema, rows = _schema(root / file)
        except (OSError, pa.ArrowException) as error:
            raise _broken(file) from error
        columns = find_columns(schema, features_of(schema, (root / file).parent))
        if columns is not None:
            tables.append(Table(file, columns, rows, split_of_path(file)))
    if not tables:
        return None
    folders = [root, *((root / table.file).parent for table in tables)]
    names = next((found for f in folders if (found := read_label_names(f)).names), LabelNames())
    return TableDataset(root, tuple(tables), names, left_out)


def _schema(file: Path) -> tuple[pa.Schema, int]:
    if _is_parquet(file):
        with pq.ParquetFile(file) as opened:
            return opened.schema_arrow, opened.metadata.num_rows
    with pa.memory_map(str(file)) as source, _reader(source) as reader:
        return reader.schema, sum(len(batch) for batch in _all(reader))


def _is_parquet(file: Path) -> bool:
    with file.open("rb") as opened:
        return opened.read(4) == _PARQUET


def _reader(source: Any) -> Any:
    """Of an Arrow file or stream."""
    try:
        return pa.ipc.open_stream(source)
    except pa.ArrowInvalid:
        source.seek(0)
        return pa.ipc.open_file(source)


def _all(reader: Any) -> Iterator[pa.RecordBatch]:
    if hasattr(reader, "num_record_batches"):
        yield from (reader.get_batch(n) for n in range(reader.num_record_batches))
    else:
        yield from reader


def _batches(
    file: Path, columns: Sequence[str], first: int
) -> Iterator[tuple[int, pa.RecordBatch]]:
    """Some rows at a time, with the number of their first, from the group of row ``first`` on."""
    if not _is_parquet(file):
        with pa.memory_map(str(file)) as source, _reader(source) as reader:
            start = 0
            for batch in _all(reader):
                for offset in range(0, len(batch), BATCH_ROWS):
                    part = batch.slice(offset, BATCH_ROWS)
                    if start + len(part) > first:
                        yield (
                            start,
                            pa.record_batch(
                                [_column(part, name) for name in columns],
                                [name.removesuffix(".path") for name in columns],
                            ),
                        )
                    start += len(part)
        return
    # Without these two settings a whole row group would be read at once.
    with pq.ParquetFile(file, pre_buffer=False, buffer_size=1 << 20) as opened:
        start, group = 0, 0
        while group < opened.num_row_groups:
            rows = opened.metadata.row_group(group).num_rows
            if start + rows > first:
                break
            start, group = start + rows, group + 1
        groups = list(range(group, opened.num_row_groups))
        for batch in opened.iter_batches(BATCH_ROWS, row_groups=groups, columns=list(columns)):
            yield start, batch
            start += len(batch)


def _column(batch: pa.RecordBatch, name: str) -> pa.Array:
    """A column, or of a struct its ``path`` alone."""
    if name in batch.schema.names:
        return batch.column(name)
    column = batch.column(name.removesuffix(".path"))
    return pa.StructArray.from_arrays([column.field("path")], ["path"])


def _by_number(names: Mapping[str, str]) -> tuple[str, ...]:
    """Names in the order of their numbers, "" for a number without a name."""
    numbers = {int(number): name for number, name in names.items() if number.isdecimal()}
    return tuple(numbers.get(number, "") for number in range(max(numbers, default=-1) + 1))


def _broken(file: str) -> PictureError:
    return PictureError(
        f"{display_name(file)!r} is not a whole table that can be read: write or copy it again."
    )
