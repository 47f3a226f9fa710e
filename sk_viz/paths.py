"""Paths: the data that comes with this project, and names of files as text."""

from __future__ import annotations

from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent


def display_name(name: str) -> str:
    """The name of a file as text that can be printed and stored, in one line.

    Bytes that are not UTF-8 and control characters become escapes such as ``\\xe9``; every other
    name stays as it is.
    """
    text = name.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def assets_dir() -> Path:
    """The folder of sample pictures."""
    return _data_dir("assets", "samples.json")


def models_dir() -> Path:
    """The folder of bundled models, one folder a model."""
    return _data_dir("models", "*/config.json")


def _data_dir(name: str, marker: str) -> Path:
    """``name`` beside the package when it holds ``marker`` (a checkout), else inside it.

    The marker keeps an unrelated folder of the same name in site-packages from being taken.
    """
    beside = _PACKAGE.parent / name
    if any(beside.glob(marker)):
        return beside
    return _PACKAGE / "_data" / name


def settings_file() -> Path:
    """The app's Streamlit settings."""
    beside = _PACKAGE.parent / ".streamlit" / "config.toml"
    return beside if beside.exists() else _PACKAGE / "_data" / "streamlit" / "config.toml"
