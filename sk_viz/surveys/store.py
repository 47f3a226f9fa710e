"""A survey on disk: a folder that is complete at every moment.

``survey.json`` says what is measured, ``pictures.parquet`` lists the pictures (one row group a
part), ``part-000000.parquet`` and its followers hold the results, and beside each
``channels-000000.parquet`` holds sums over its pictures for every channel. A part counts when its
file is there; each file is put in place in one step, and the channels of a part before the part.
"""

from __future__ import annotations

import io
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from filelock import FileLock, Timeout

from sk_viz.datasets.entries import Ref
from sk_viz.errors import PictureError
from sk_viz.files import whole_file, write_atomic

RECORD = b"sk_viz"
# Names of files are bytes: not every file system keeps to UTF-8.
_REFS = pa.schema([("file", pa.binary()), ("row", pa.int64()), ("size", pa.int64())])


class Store:
    """The files of one survey.

    Args:
        folder: made when the first file is written.
    """

    def __init__(self, folder: str | Path) -> None:
        self.folder = Path(folder)

    @property
    def exists(self) -> bool:
        """Whether a survey was begun here."""
        return (self.folder / "survey.json").is_file()

    def begin(self, header: Mapping[str, Any], refs: Iterator[Ref], part_size: int) -> None:
        """Write the list of pictures, then the header.

        Raises:
            PictureError: the folder cannot be written, or holds other files.
        """
        foreign = self.folder.exists() and (
            not self.folder.is_dir() or any(not _is_ours(f) for f in self.folder.iterdir())
        )
        if foreign:
            raise PictureError(
                f"{str(self.folder)!r} holds other files: give --out a new or empty folder."
            )
        with _writable(self.folder):
            self.folder.mkdir(parents=True, exist_ok=True)
            with (
                whole_file(self.folder / "pictures.parquet") as file,
                pq.ParquetWriter(file, _REFS, compression="zstd") as writer,
            ):
                for rows in _groups(refs, part_size):
                    columns = [
                        [os.fsencode(ref.file) for ref in rows],
                        [ref.row for ref in rows],
                        [ref.size for ref in rows],
                    ]
                    writer.write_table(pa.table(columns, schema=_REFS))
            write_atomic(self.folder / "survey.json", _json(header))

    def header(self) -> dict[str, Any]:
        """What is measured, on which pictures.

        Raises:
            PictureError: no survey, or one that cannot be read.
        """
        try:
            found: dict[str, Any] = json.loads(
                (self.folder / "survey.json").read_text(encoding="utf-8")
            )
        except (OSError, ValueError) as error:
            raise PictureError(
                f"{str(self.folder)!r} holds no survey: name the folder that was given to "
                "survey with --out."
            ) from error
        return found

    def refs(self, part: int) -> list[Ref]:
        """The pictures of one part.

        Raises:
            PictureError: the list of them is broken.
        """
        try:
            with pq.ParquetFile(self.folder / "pictures.parquet") as file:
                rows = file.read_row_group(part).to_pylist()
            return [Ref(os.fsdecode(row["file"]), row["row"], row["size"]) for row in rows]
        except (OSError, pa.ArrowException, TypeError, KeyError) as error:
            raise PictureError(
                f"The list of pictures in {str(self.folder)!r} is broken: give the survey's "
                "command again with a new --out."
            ) from error

    def parts(self) -> list[int]:
        """The parts that are there, in order."""
        return sorted(int(f.stem.split("-")[1]) for f in self.folder.glob("part-*.parquet"))

    def write_part(self, part: int, rows: pa.Table, channels: pa.Table) -> None:
        """Put one part in place; at every moment it is there whole or not at all.

        Raises:
            PictureError: the folder cannot be written, such as on a full disk.
        """
        with _writable(self.folder):
            write_atomic(self.folder / f"channels-{part:06d}.parquet", _parquet(channels))
            write_atomic(self.folder / f"part-{part:06d}.parquet", _parquet(rows))

    def read(self, columns: Sequence[str]) -> pd.DataFrame:
        """Columns of all parts that are there, in the order of the pictures."""
        frame: pd.DataFrame = self.table(columns).to_pandas()
        return frame

    def table(self, columns: Sequence[str] | None = None) -> pa.Table:
        """The parts that are there as one table, all columns by default.

        Raises:
            PictureError: a part is broken, or none is there yet.
        """
        files = [self.folder / f"part-{part:06d}.parquet" for part in self.parts()]
        if not files:
            raise PictureError(
                f"The survey in {str(self.folder)!r} has no results yet: wait for the first part."
            )
        # Parts of earlier versions lack some columns.
        return pa.concat_tables([_read(file, columns) for file in files], promote_options="default")

    def channels(self) -> pd.DataFrame:
        """Sums over all pictures: protocol, scale, unit, channel, count, total, squares."""
        total: pd.DataFrame | None = None
        for part in self.parts():  # every part has the same rows in the same order
            file = self.folder / f"channels-{part:06d}.parquet"
            # A part is measured again only when its own file is gone.
            one = _read(file, None, f"part-{part:06d}.parquet").to_pandas()
            if total is None:
                total = one
                continue
            for column in ("count", "total", "squares"):
                total[column] += one[column].to_numpy()
        if total is None:
            raise PictureError(
                f"The survey in {str(self.folder)!r} has no results yet: wait for the first part."
            )
        return total

    def records(self) -> list[dict[str, Any]]:
        """The different records of the parts; one, unless device or versions changed midway."""
        found: dict[bytes, None] = {}
        for part in self.parts():
            schema = pq.read_schema(self.folder / f"part-{part:06d}.parquet")
            found[schema.metadata[RECORD]] = None
        return [json.loads(record) for record in found]

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Keep a second run out; the lock ends with the process, however that ends.

        Raises:
            PictureError: another run holds it.
        """
        with _writable(self.folder):
            self.folder.mkdir(parents=True, exist_ok=True)
            lock = FileLock(self.folder / ".lock")
            try:
                lock.acquire(timeout=0)
            except Timeout:
                raise PictureError(
                    f"Another survey is running in {str(self.folder)!r}: wait for it or give "
                    "another --out."
                ) from None
        try:
            self._sweep()  # after a run that was killed while writing
            yield
            self._sweep()  # after a worker that was, and whose part another one has written
        finally:
            lock.release()

    def _sweep(self) -> None:
        for left in self.folder.glob(".*.tmp"):
            left.unlink(missing_ok=True)


@contextmanager
def _writable(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise PictureError(
            f"{str(folder)!r} cannot be written: {error.strerror or error}. What was finished is "
            "kept; give the same command again to resume."
        ) from error


def _is_ours(file: Path) -> bool:
    name = file.name
    return name in ("pictures.parquet", ".lock") or (name[0] == "." and name.endswith(".tmp"))


def _groups(refs: Iterator[Ref], size: int) -> Iterator[list[Ref]]:
    group: list[Ref] = []
    for ref in refs:
        group.append(ref)
        if len(group) == size:
            yield group
            group = []
    if group:
        yield group


def _parquet(table: pa.Table) -> bytes:
    buffer = io.BytesIO()
    pq.write_table(table, buffer, compression="zstd")
    return buffer.getvalue()


def _read(file: Path, columns: Sequence[str] | None, remove: str = "it") -> pa.Table:
    try:
        with pq.ParquetFile(file) as opened:
            wanted = None if columns is None else list(columns)
            table = opened.read(columns=wanted).replace_schema_metadata(None)
        for name in wanted or ():
            if name not in table.column_names:
                table = table.append_column(name, pa.nulls(len(table), pa.string()))
        return table if wanted is None else table.select(wanted)
    except (OSError, pa.ArrowException) as error:
        raise PictureError(
            f"{file.name!r} is broken: remove {remove} and give the survey's command again."
        ) from error


def _json(value: Mapping[str, Any]) -> bytes:
    return json.dumps(value, ensure_ascii=False, indent=1, allow_nan=False).encode()
