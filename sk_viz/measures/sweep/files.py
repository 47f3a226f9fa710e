"""A sweep as a file, and back.

Parquet holds the weights as its table and everything else in the metadata of its schema; JSON
holds the record, the differences and the predictions; CSV is the weights alone.
"""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from sk_viz import spreadsheets
from sk_viz.errors import ModelError
from sk_viz.files import write_whole
from sk_viz.measures.sweep.result import Sweep

_METADATA = b"sk_viz.sweep"
_WEIGHTS = ("scale", "unit", "stage", "block", "branch", "kernel", "channel", "weight")
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


def to_parquet(sweep: Sweep) -> bytes:
    """A parquet file: the weights, and ``to_json()`` under ``sk_viz.sweep`` in its metadata."""
    table = pa.Table.from_pandas(sweep.weights, preserve_index=False)
    metadata = {**(table.schema.metadata or {}), _METADATA: to_json(sweep)}
    buffer = io.BytesIO()
    pq.write_table(table.replace_schema_metadata(metadata), buffer, compression="zstd")
    return buffer.getvalue()


def to_json(sweep: Sweep) -> bytes:
    """``Sweep.to_json()`` as text in UTF-8."""
    return json.dumps(sweep.to_json(), ensure_ascii=False, allow_nan=False).encode()


def to_csv(sweep: Sweep) -> bytes:
    """The weights with one line of column names, as any program reads them; no record."""
    return spreadsheets.to_csv(sweep.weights)


_WRITERS: dict[str, Callable[[Sweep], bytes]] = {
    ".parquet": to_parquet,
    ".json": to_json,
    ".csv": to_csv,
}


def check_ending(path: Path) -> None:
    """Refuse a name that says no kind of file, before anything is computed.

    Raises:
        ModelError: the name ends with something else than .parquet, .json or .csv.
    """
    if path.suffix.lower() not in _WRITERS:
        raise ModelError(f"{path.name!r} must end with {', '.join(_WRITERS)}: name it so.")


def save(sweep: Sweep, path: str | Path) -> Path:
    """Write a sweep; the file is there whole or not at all.

    Args:
        sweep: what to write.
        path: ends with .parquet, .json or .csv; its folder exists.

    Raises:
        ModelError: another ending, or a place that cannot be written.
    """
    path = Path(path)
    check_ending(path)
    write_whole(path, _WRITERS[path.suffix.lower()](sweep))
    return path


def load(path: str | Path) -> Sweep:
    """Read what :func:`save` wrote, without its stimuli.

    Args:
        path: a .parquet file, or a .json file, which has no weights of single channels.

    Raises:
        ModelError: no such file, or not a sweep.
    """
    path = Path(path)
    try:
        if path.suffix.lower() == ".parquet":
            table = pq.read_table(io.BytesIO(path.read_bytes()))
            kept = json.loads(table.schema.metadata[_METADATA])
            weights = _typed(table.to_pandas())
        else:
            kept = json.loads(path.read_text(encoding="utf-8"))
            weights = _typed(pd.DataFrame(columns=list(_WEIGHTS)))
        return Sweep(
            weights=weights,
            differences=_typed(pd.DataFrame(kept["differences"])),
            predictions=_typed(pd.DataFrame(kept["predictions"])),
            record=kept["record"],
        )
    except OSError as error:
        raise ModelError(f"{str(path)!r} cannot be read: {error.strerror}.") from error
    except (KeyError, TypeError, ValueError, pa.ArrowException) as error:
        raise ModelError(f"{path.name!r} is not a sweep: give a file that sweep wrote.") from error


def _typed(frame: pd.DataFrame) -> pd.DataFrame:
    """The dtypes that a sweep's tables have when they are made."""
    frame = frame.astype({name: _DTYPES[name] for name in frame.columns if name in _DTYPES})
    if "unit" in frame:
        names = frame["unit"].astype(str)
        frame["unit"] = pd.Categorical(names, categories=list(dict.fromkeys(names)), ordered=True)
    return frame
