"""Which columns of a table hold the pictures, their labels, names and boxes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

import pyarrow as pa

from sk_viz.datasets.entries import PictureBox
from sk_viz.datasets.features import Features
from sk_viz.errors import PictureError

_PICTURES = (
    "jpeg", "image", "img", "picture", "photo", "jpg", "png", "webp", "image_bytes", "bytes",
    "pixel_values", "image_path", "file_name", "filename", "file_path", "filepath", "path", "file",
)  # fmt: skip
_LABELS = (
    "label", "class", "target", "class_name", "category", "labels", "fine_label", "class_label",
    "label_name", "cls", "class_id", "category_id", "y",
)  # fmt: skip
_NAMES = ("name", "file_name", "filename", "image_id", "id", "__key__", "key")


@dataclass(frozen=True)
class Columns:
    """The columns of a table.

    Attributes:
        picture: bytes of a file, a struct of ``bytes`` and ``path``, or a path as text.
        label: None where there is none.
        class_name: names the label of the same row; None where there is none.
        name: None where there is none.
        box: None where there is none.
        collection: None where there is none.
        path: the column of paths, or ``column.path`` of a struct; None where there is none.
        names: of the numbers in ``label``.
    """

    picture: str
    label: str | None = None
    class_name: str | None = None
    name: str | None = None
    box: str | None = None
    collection: str | None = None
    path: str | None = None
    names: tuple[str, ...] = ()

    @property
    def described(self) -> list[str]:
        """All but the pictures."""
        chosen = (self.label, self.class_name, self.name, self.box, self.collection)
        return list(dict.fromkeys(column for column in chosen if column is not None))

    @property
    def without_pictures(self) -> list[str]:
        """All but the pictures, with the paths that a struct or a column of text holds."""
        paths = [] if self.path is None or self.path in self.described else [self.path]
        return [*self.described, *paths]


def find_columns(schema: pa.Schema, features: Features) -> Columns | None:
    """The columns by their types, names and features; None where no column can hold pictures."""
    by_lower = {name.lower(): name for name in reversed(schema.names)}
    picture = _picture(schema, by_lower, features)
    if picture is None:
        return None
    label = next((name for name in features.names if name in schema.names), None)
    label = label or _first(by_lower, _LABELS, but=picture)
    named = next(
        (by_lower[n] for n in ("class", "class_name", "label_name") if n in by_lower), None
    )
    return Columns(
        picture=picture,
        label=label,
        class_name=named if named not in (picture, label) else None,
        name=_first(by_lower, _NAMES, but=picture),
        box=by_lower.get("box"),
        collection=by_lower.get("source"),
        path=_path(schema, picture),
        names=features.names.get(label or "", ()),
    )


def _path(schema: pa.Schema, picture: str) -> str | None:
    kind = schema.field(picture).type
    if _is_text(kind):
        return picture
    has = pa.types.is_struct(kind) and kind.get_field_index("path") >= 0
    return f"{picture}.path" if has else None


def _picture(schema: pa.Schema, by_lower: Mapping[str, str], features: Features) -> str | None:
    """By the features; by name among bytes and structs, then among paths; by type alone."""
    marked = [name for name in features.images if name in schema.names]
    named = [by_lower[name] for name in _PICTURES if name in by_lower]
    holds = [name for name in [*marked, *named] if _holds_bytes(schema.field(name).type)]
    paths = [name for name in [*marked, *named] if _is_text(schema.field(name).type)]
    others = [name for name in schema.names if _is_struct(schema.field(name).type)]
    return next(iter([*holds, *paths, *others]), None)


def _holds_bytes(kind: pa.DataType) -> bool:
    return bool(
        pa.types.is_binary(kind)
        or pa.types.is_large_binary(kind)
        or pa.types.is_binary_view(kind)
        or _is_struct(kind)
    )


def _is_struct(kind: pa.DataType) -> bool:
    return bool(pa.types.is_struct(kind) and kind.get_field_index("bytes") >= 0)


def _is_text(kind: pa.DataType) -> bool:
    return bool(
        pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind)
    )


def _first(by_lower: Mapping[str, str], names: tuple[str, ...], but: str) -> str | None:
    return next((by_lower[n] for n in names if n in by_lower and by_lower[n] != but), None)


def label_text(value: object) -> str | None:
    """A label as text: numbers without a point where they are whole; None for none."""
    if value is None or (isinstance(value, float) and value != value):  # noqa: PLR0124 - NaN
        return None
    if isinstance(value, bytes):
        value = value.decode("utf-8", "backslashreplace")
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return str(value).strip() or None


def picture_value(value: object, place: str) -> bytes | str | PictureError:
    """The bytes of a picture, the path of its file, or why there is neither.

    Args:
        value: of the column of pictures: bytes, a ``{bytes, path}`` struct, or a path.
        place: of the row, for the sentence.
    """
    if isinstance(value, Mapping):
        value = value.get("bytes") or value.get("path")
    if isinstance(value, bytes) and value:
        return value
    if isinstance(value, str) and value:
        return value
    return PictureError(f"{place} has no picture: its cell is empty.")


def name_in(row: Mapping[str, Any], columns: Columns) -> str | None:
    """The name of a row's picture, by its own column or by the path in its struct."""
    if columns.name is not None and (own := label_text(row.get(columns.name))) is not None:
        return own
    value = row.get(columns.picture)
    path = value.get("path") if isinstance(value, Mapping) else value
    return PurePosixPath(path).name if isinstance(path, str) and path else None


def box_value(value: object) -> PictureBox | None:
    """Four numbers with an area, or None."""
    if not isinstance(value, list | tuple) or len(value) != 4 or any(v is None for v in value):
        return None
    try:
        x0, y0, x1, y1 = (float(v) for v in value)
    except (TypeError, ValueError):
        return None
    return (x0, y0, x1, y1) if x1 > x0 and y1 > y0 else None
