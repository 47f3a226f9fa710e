"""The documentation: its blocks run, and the site builds without a warning."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import numpy as np
import pytest
import torch
from docs_blocks import PAGES, ROOT, blocks
from PIL import Image

from sk_viz.cli import run
from sk_viz.networks import sknet26
from sk_viz.pictures import samples
from sk_viz.surveys import run_survey

# What a block may begin with besides this program's commands. It is run elsewhere or by hand.
ELSEWHERE = (
    "make", "pip", "uvx", "pipx", "docker", "SITE=", "STREAMLIT_", ".venv/bin/", "python ", "git",
    "curl", "systemctl", "kill", "journalctl",
    "sk-viz app", "sk-viz train", "sk-viz bench", "PYTHONPATH", "env ",
)  # fmt: skip


@pytest.fixture(scope="module")
def material(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the pages speak of: two pictures, a cut-out, a data set, and a survey of it."""
    folder = tmp_path_factory.mktemp("material")
    photographs = [sample for sample in samples("photo") if sample.label is not None]
    for name, sample in zip(("cat.jpg", "dog.jpg"), photographs, strict=False):
        shutil.copy(sample.path, folder / name)
    cutout = np.zeros((64, 64, 4), np.uint8)
    cutout[16:48, 8:56] = (200, 90, 30, 255)
    Image.fromarray(cutout).save(folder / "cutout.png")
    for sample in photographs:
        for name in ("photos", "PICTURES", "DIR"):
            (folder / name / sample.label).mkdir(parents=True, exist_ok=True)
            shutil.copy(sample.path, folder / name / sample.label)
    run_survey("sknet_tiny", folder / "photos", folder / "runs" / "mine", (1.0, 1.5, 2.0))
    return folder


@pytest.mark.long
@pytest.mark.timeout(900)
@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_block_of_a_page_runs(
    page: Path, material: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(material, tmp_path, dirs_exist_ok=True)
    if page.name == "surveys.md":  # which makes the survey itself
        shutil.rmtree(tmp_path / "runs")
    monkeypatch.chdir(tmp_path)
    # The README and the page on figures take these as given.
    names = {"any_torch_module": sknet26(), "batch": torch.zeros(1, 3, 64, 64)}
    if page.name == "figures.md":
        exec(
            "import sk_viz\nmodel = sk_viz.load_model('sknet_tiny')\n"
            "picture = sk_viz.read_picture('cat.jpg')",
            names,
        )
    for language, text in blocks(page):
        if language == "python":
            exec(compile(text, page.name, "exec"), names)
        elif language == "sh":
            for line in text.replace("\\\n", " ").splitlines():
                for part in line.split("&&"):
                    _run(part.strip())


def _run(line: str) -> None:
    words = shlex.split(line, comments=True)
    if not words or line.startswith(ELSEWHERE):
        return
    assert words[0] == "sk-viz", line
    assert run(words[1:]) == 0, line


@pytest.mark.long
@pytest.mark.timeout(900)
def test_the_site_builds_without_a_warning_and_every_link_leads_somewhere(tmp_path: Path) -> None:
    command = [sys.executable, str(ROOT / "docs/build.py"), "--out", str(tmp_path / "site")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "No issues found" in done.stdout + done.stderr
    pages = list((tmp_path / "site").rglob("*.html"))
    assert len(pages) > 15
    for page in pages:
        if page.name == "404.html" or (page.parent.name == "gallery" and page.name == "sweep.html"):
            continue
        for address in _Links(page).found:
            parts = urlsplit(address)
            if not parts.scheme and not parts.netloc and parts.path:
                target = (page.parent / unquote(parts.path)).resolve()
                assert target.exists(), f"{page.name} links to {address}"
    reference = (tmp_path / "site/reference/index.html").read_text()
    assert "sk_viz.receptive_field" in reference
    assert not re.search(r":(func|class):", reference)


class _Links(HTMLParser):
    def __init__(self, page: Path) -> None:
        super().__init__()
        self.found: list[str] = []
        self.feed(page.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found += [value for name, value in attrs if name in ("href", "src") and value]
