"""Where the pictures and weights that come with this project lie, in a checkout or installed."""

from __future__ import annotations

from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent


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
