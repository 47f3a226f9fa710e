"""Names of labels and kinds of columns, as data sets of the Hugging Face hub describe them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa

from sk_viz.errors import PictureError


@dataclass(frozen=True)
class Features:
    """What is said of the columns of a table.

    Attributes:
        names: by the column of labels, the name of each number in order.
        images: columns that hold pictures.
    """

    names: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    images: tuple[str, ...] = ()


@dataclass(frozen=True)
class LabelNames:
    """Names of numbered labels, from a ``labels.json`` beside the tables.

    Attributes:
        names: name of a label by its number as text.
        wordnet_ids: WordNet ids by that name.
    """

    names: Mapping[str, str] = field(default_factory=dict)
    wordnet_ids: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


def read_label_names(folder: Path) -> LabelNames:
    """The ``labels.json`` of a folder; nothing where there is none.

    Raises:
        PictureError: it is not a list of entries with ``label`` and ``name``.
    """
    file = folder / "labels.json"
    if not file.is_file():
        return LabelNames()
    names: dict[str, str] = {}
    wordnet_ids: dict[str, tuple[str, ...]] = {}
    try:
        for one in json.loads(file.read_text(encoding="utf-8")):
            names[str(one["label"])] = str(one["name"])
            wordnet_ids[str(one["name"])] = tuple(map(str, one.get("wnids", ())))
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise PictureError(
            "labels.json must be a list of entries with label and name: mend or remove it."
        ) from error
    return LabelNames(names, wordnet_ids)


def features_of(schema: pa.Schema, folder: Path) -> Features:
    """What a table says of its columns, or else a file beside it or in a folder above.

    Args:
        schema: of the table; ``datasets`` writes the features into its metadata.
        folder: that the table lies in. ``dataset_info.json`` and the head of ``README.md`` are
            looked for there and in the two folders above.
    """
    described = _json((schema.metadata or {}).get(b"huggingface", b""))
    found = _features(_get(described, "info", "features"))
    for place in (folder, *folder.parents[:2]):
        if found.names or found.images:
            break
        described = _json(_bytes(place / "dataset_info.json"))
        found = _features(_get(described, "features"))
        if not (found.names or found.images):
            found = _features(_get(_readme(place), "dataset_info", "features"))
    return found


def _features(described: Any) -> Features:
    """From the features as JSON has them, a mapping, or as YAML has them, a list."""
    if isinstance(described, list):
        described = {one["name"]: one.get("dtype") for one in described if _is_named(one)}
    if not isinstance(described, Mapping):
        return Features()
    names: dict[str, tuple[str, ...]] = {}
    images: list[str] = []
    for column, kind in described.items():
        if kind == "image" or _get(kind, "_type") == "Image":
            images.append(str(column))
        listed = _get(kind, "names") or _get(kind, "class_label", "names")
        if isinstance(listed, Mapping):  # {"0": "airplane", ...}
            listed = [listed[key] for key in sorted(listed, key=int)]
        if isinstance(listed, list):
            names[str(column)] = tuple(map(str, listed))
    return Features(names, tuple(images))


def _is_named(one: Any) -> bool:
    return isinstance(one, Mapping) and "name" in one


def _get(value: Any, *keys: str) -> Any:
    for key in keys:
        if isinstance(value, list) and value:  # several configurations: the first
            value = value[0]
        value = value.get(key) if isinstance(value, Mapping) else None
    return value


def _bytes(file: Path) -> bytes:
    try:
        return file.read_bytes() if file.is_file() else b""
    except OSError:
        return b""


def _json(text: bytes) -> Any:
    try:
        return json.loads(text) if text else None
    except ValueError:
        return None


def _readme(folder: Path) -> Any:
    """The YAML head of a data set's card."""
    text = _bytes(folder / "README.md").decode("utf-8", "replace")
    if not text.startswith("---"):
        return None
    import yaml  # type: ignore[import-untyped]

    try:
        return yaml.safe_load(text[3:].partition("\n---")[0])
    except yaml.YAMLError:
        return None
