"""What every result can do: give its record, become a file and come back, and show itself."""

from __future__ import annotations

import base64
import io
import json
import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image

from sk_viz import spreadsheets
from sk_viz.display import display, show
from sk_viz.errors import ModelError
from sk_viz.files import write_whole
from sk_viz.measures.record import Record

RECORD_KEY = b"sk_viz.record"
_CONTENTS_KEY = b"sk_viz."  # with the name of the measure

# JSON has one kind of number; these columns have the dtype they were made with.
_DTYPES = {
    "scale": "float64",
    "stage": "int16",
    "block": "int16",
    "branch": "int16",
    "kernel": "int16",
    "channel": "int32",
    "weight": "float32",
    "difference": "float64",
    "rank": "int16",
    "label": "int32",
    "name": "str",
    "probability": "float32",
}


class Result(ABC):
    """A measurement with its record: a file and back, HTML in a notebook, text in a terminal.

    Attributes:
        record: all that is needed to make the same numbers again.
    """

    record: Record

    MEASURE: ClassVar[str]
    """What was measured, as the record names it."""

    NOUN: ClassVar[str]
    """The same with its article, for messages: "a sweep"."""

    @abstractmethod
    def to_json(self) -> dict[str, Any]:
        """The result as plain values, for ``json.dumps``."""

    @abstractmethod
    def _table(self) -> pd.DataFrame:
        """The rows of a parquet and of a CSV file."""

    @classmethod
    @abstractmethod
    def _restored(cls, contents: Mapping[str, Any], table: pd.DataFrame | None) -> Self:
        """The result of what was saved.

        Args:
            contents: of :meth:`to_json` and :meth:`_besides`, after JSON.
            table: of :meth:`_table`, or None from a JSON file.
        """

    def _besides(self, *, table: bool) -> dict[str, Any]:
        """What a file needs besides ``to_json()`` to be loaded again, as plain values.

        Args:
            table: whether the file holds the table as well.
        """
        del table
        return {}

    def to_bytes(self, ending: str) -> bytes:
        """The contents of the file that :meth:`save` writes.

        Args:
            ending: ``.parquet`` (the table, with ``to_json()`` under ``sk_viz.<measure>`` and the
                record under ``sk_viz.record`` in the metadata of its schema), ``.json``
                (``to_json()``) or ``.csv`` (the table alone).

        Raises:
            ModelError: another ending.
        """
        check_ending(Path(f"result{ending}"))
        return _WRITERS[ending.lower()](self)

    def save(self, path: str | Path) -> Path:
        """Write the result to a file; the file is complete or is not written at all.

        Args:
            path: ends with ``.parquet``, ``.json`` or ``.csv`` (see :meth:`to_bytes`). The folder
                must exist.

        Returns:
            The path.

        Raises:
            ModelError: another ending, or a path that cannot be written.
        """
        path = Path(path)
        check_ending(path)
        write_whole(path, self.to_bytes(path.suffix))
        return path

    @classmethod
    def load(cls, path: str | Path) -> Self:
        """Read a file that :meth:`save` wrote.

        Args:
            path: a ``.parquet`` or ``.json`` file. A CSV file has no record and cannot be loaded.

        Raises:
            ModelError: no such file, or the file does not hold such a result.
        """
        path = Path(path)
        try:
            data = path.read_bytes()
        except OSError as error:
            raise ModelError(f"{str(path)!r} cannot be read: {error.strerror}.") from error
        try:
            table = None
            if path.suffix.lower() == ".parquet":
                arrow = pq.read_table(io.BytesIO(data))
                data = arrow.schema.metadata[_CONTENTS_KEY + cls.MEASURE.encode()]
                table = arrow.to_pandas()
            contents = json.loads(data)
            if contents["record"]["measure"] != cls.MEASURE:
                raise ValueError(contents["record"]["measure"])
            return cls._restored(contents, table)
        except (KeyError, TypeError, ValueError, pa.ArrowException) as error:
            raise ModelError(
                f"{path.name!r} is not {cls.NOUN}: give a .parquet or .json file that "
                f"{cls.__name__}.save wrote."
            ) from error

    def show(self) -> None:
        """Display the result: a figure and tables in a notebook, text in a terminal."""
        show(self)

    def _repr_html_(self) -> str:
        """What a notebook displays for a cell whose value is this result."""
        return display().html(self)


def check_ending(path: Path) -> None:
    """Refuse a file name whose ending is unknown, before anything is computed.

    Raises:
        ModelError: the name does not end with .parquet, .json or .csv.
    """
    if path.suffix.lower() not in _WRITERS:
        raise ModelError(f"{path.name!r} must end with {', '.join(_WRITERS)}.")


def check_page_ending(path: Path) -> None:
    """Refuse a page's name that does not end with .html, before anything is computed.

    Raises:
        ModelError: another ending.
    """
    if path.suffix.lower() != ".html":
        raise ModelError(f"{path.name!r} must end with .html.")


def table_bytes(table: pd.DataFrame, metadata: Mapping[bytes, bytes]) -> bytes:
    """A table as a parquet file with this in the metadata of its schema."""
    arrow = pa.Table.from_pandas(table, preserve_index=False)
    kept = {**(arrow.schema.metadata or {}), **metadata}
    buffer = io.BytesIO()
    pq.write_table(arrow.replace_schema_metadata(kept), buffer, compression="zstd")
    return buffer.getvalue()


def as_made(rows: Any) -> pd.DataFrame:
    """A table that was kept as JSON, with the dtypes that it was made with."""
    frame = pd.DataFrame(rows)
    frame = frame.astype({name: _DTYPES[name] for name in frame.columns if name in _DTYPES})
    return in_order(frame)


def in_order(frame: pd.DataFrame) -> pd.DataFrame:
    """A table whose column ``unit`` sorts as the network runs; as it is without one."""
    if "unit" in frame:
        names = frame["unit"].astype(str)
        order = pd.Categorical(names, categories=list(dict.fromkeys(names)), ordered=True)
        return frame.assign(unit=order)
    return frame


def map_table(values: npt.NDArray[np.float32]) -> pd.DataFrame:
    """A map (H, W) as rows: columns row, column, value."""
    height, width = values.shape
    return pd.DataFrame(
        {
            "row": np.repeat(np.arange(height, dtype=np.int32), width),
            "column": np.tile(np.arange(width, dtype=np.int32), height),
            "value": values.ravel(),
        }
    )


def map_of(table: pd.DataFrame | None, rows: object) -> npt.NDArray[np.float32]:
    """The map (H, W), read-only, of :func:`map_table`, or of its rows as nested lists."""
    if table is None:
        values = np.array(rows, np.float32)
    else:
        shape = int(table["row"].max()) + 1, int(table["column"].max()) + 1
        values = table["value"].to_numpy(np.float32).reshape(shape).copy()
    values.flags.writeable = False
    return values


def png_text(rgb: npt.NDArray[np.uint8]) -> str:
    """Pixels (H, W, 3) as PNG, which loses nothing, in base64."""
    buffer = io.BytesIO()
    Image.fromarray(rgb).save(buffer, "PNG")
    return base64.b64encode(buffer.getvalue()).decode("ascii")


def pixels_of(text: str) -> npt.NDArray[np.uint8]:
    """The pixels (H, W, 3), read-only, of :func:`png_text`."""
    with Image.open(io.BytesIO(base64.b64decode(text)), formats=("PNG",)) as image:
        pixels = np.array(image.convert("RGB"))
    pixels.flags.writeable = False
    return pixels


def finite(value: Any) -> Any:
    """Plain values with None for a number that is not finite, as JSON has none."""
    if isinstance(value, Mapping):
        return {str(key): finite(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [finite(entry) for entry in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


def _dumped(value: Any) -> bytes:
    return json.dumps(finite(value), ensure_ascii=False, allow_nan=False).encode()


def _parquet(result: Result) -> bytes:
    contents = {**result.to_json(), **result._besides(table=True)}
    return table_bytes(
        result._table(),
        {
            _CONTENTS_KEY + result.MEASURE.encode(): _dumped(contents),
            RECORD_KEY: _dumped(dict(result.record)),
        },
    )


def _json(result: Result) -> bytes:
    return _dumped({**result.to_json(), **result._besides(table=False)})


def _csv(result: Result) -> bytes:
    return spreadsheets.to_csv(result._table())


_WRITERS: dict[str, Callable[[Result], bytes]] = {
    ".parquet": _parquet,
    ".json": _json,
    ".csv": _csv,
}
