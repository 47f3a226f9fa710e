"""Where the bundled data are found, in a checkout and installed."""

from __future__ import annotations

from pathlib import Path

import pytest

from sk_viz import paths


def test_a_checkout_has_them_beside_the_package() -> None:
    assert paths.assets_dir() == Path(paths.__file__).parent.parent / "assets"


def test_an_installed_package_has_them_inside(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = tmp_path / "site-packages" / "sk_viz"
    package.mkdir(parents=True)
    monkeypatch.setattr(paths, "_PACKAGE", package)
    assert paths.assets_dir() == package / "_data" / "assets"
    assert paths.models_dir() == package / "_data" / "models"
    # Folders of another package that happen to have the same names.
    (package.parent / "assets").mkdir()
    (package.parent / "models").mkdir()
    assert paths.assets_dir() == package / "_data" / "assets"
    assert paths.models_dir() == package / "_data" / "models"


def test_the_markers_of_a_checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(paths, "_PACKAGE", tmp_path / "sk_viz")
    (tmp_path / "assets").mkdir()
    (tmp_path / "assets" / "samples.json").touch()
    (tmp_path / "models" / "tiny").mkdir(parents=True)
    (tmp_path / "models" / "tiny" / "config.json").touch()
    assert paths.assets_dir() == tmp_path / "assets"
    assert paths.models_dir() == tmp_path / "models"
