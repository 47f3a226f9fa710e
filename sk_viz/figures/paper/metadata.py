"""The record inside a figure's file: PDF Info, SVG metadata, PNG text; and reading it back."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

from PIL import Image

from sk_viz.errors import PictureError
from sk_viz.version import __version__

KINDS = ("pdf", "svg", "png")
_PNG_KEY = "sk_viz"
_DESCRIPTION = "{http://purl.org/dc/elements/1.1/}description"


def metadata(kind: str, title: str, carried: Mapping[str, Any]) -> dict[str, Any]:
    """What matplotlib is to write into a file, without dates.

    Args:
        kind: of ``KINDS``.
        title: shown by viewers.
        carried: plain values, to be read back by :func:`read_metadata`.
    """
    text = json.dumps(carried, sort_keys=True, allow_nan=False)
    maker = f"SK-Viz {__version__}"
    if kind == "pdf":
        return {
            "Title": title,
            "Creator": maker,
            "Producer": None,
            "CreationDate": None,
            "Keywords": text,
        }
    if kind == "svg":
        return {"Title": title, "Creator": maker, "Date": None, "Description": text}
    return {"Title": title, "Software": maker, _PNG_KEY: text}


def read_metadata(path: str | Path) -> dict[str, Any]:
    """What a figure of this project carries.

    Args:
        path: a PDF, SVG or PNG file.

    Raises:
        PictureError: no such file, or not a figure of this project.
    """
    file = Path(path)
    readers = {".pdf": _from_pdf, ".svg": _from_svg, ".png": _from_png}
    try:
        data = file.read_bytes()
        carried: dict[str, Any] = json.loads(readers[file.suffix.lower()](data))
        return carried
    except OSError as error:
        raise PictureError(f"{str(path)!r} cannot be read: {error.strerror or error}.") from error
    except (KeyError, ValueError, ElementTree.ParseError) as error:
        raise PictureError(
            f"{file.name!r} is not a figure of SK-Viz: give a PDF, SVG or PNG that 'figure' wrote."
        ) from error


def _from_pdf(data: bytes) -> str:
    """The string after /Keywords, with its escapes undone (PDF 1.7, section 7.3.4.2)."""
    start = data.index(b"/Keywords (") + len(b"/Keywords (")
    end = re.compile(rb"(?<!\\)(?:\\\\)*\)").search(data, start)
    if end is None:
        raise ValueError("the string has no end")
    return re.sub(rb"\\([\\()])", rb"\1", data[start : end.end() - 1]).decode("ascii")


def _from_svg(data: bytes) -> str:
    found = ElementTree.fromstring(data).find(f".//{_DESCRIPTION}")
    if found is None or found.text is None:
        raise ValueError("no description")
    return found.text


def _from_png(data: bytes) -> str:
    with Image.open(io.BytesIO(data), formats=("PNG",)) as image:
        text = image.info[_PNG_KEY]
    if not isinstance(text, str):
        raise ValueError("no text")
    return text
