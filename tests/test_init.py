from __future__ import annotations

import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import sk_viz

ROOT = Path(__file__).parent.parent


def test_every_public_name_is_there():
    for name in sk_viz.__all__:
        assert getattr(sk_viz, name) is not None, name
        assert name in dir(sk_viz)


def test_the_folders_come_by_themselves():
    code = "import sk_viz; sk_viz.networks.SelectiveKernelConv, sk_viz.networks.sknet50"
    subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT)


def test_importing_it_imports_nothing_heavy():
    code = (
        "import sys, sk_viz\n"
        "heavy = {'torch', 'timm', 'captum', 'streamlit', 'pandas', 'numpy', 'cv2'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], check=True, cwd=ROOT, capture_output=True, text=True
    )
    assert done.stdout.strip() == "[]"


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="swoop"):
        sk_viz.swoop  # noqa: B018


def test_the_version_is_the_package_s():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert project.get("version", sk_viz.__version__) == sk_viz.__version__
