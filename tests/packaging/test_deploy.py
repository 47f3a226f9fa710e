"""The files for hosting agree with the project. No image is built here."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tomllib
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
DOCKERFILES = (ROOT / "Dockerfile", ROOT / "deploy/space/Dockerfile")
PYTHON = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["requires-python"]


def _steps(file: Path) -> list[tuple[str, str]]:
    """Instructions and their arguments, with continued lines joined and comments left out."""
    lines = [line for line in file.read_text().splitlines() if not line.lstrip().startswith("#")]
    joined = re.sub(r"\\\n\s*", " ", "\n".join(lines))
    return [tuple(line.split(None, 1)) for line in joined.splitlines() if line.strip()]


def _stages(file: Path) -> dict[str, list[tuple[str, str]]]:
    stages: dict[str, list[tuple[str, str]]] = {}
    for word, rest in _steps(file):
        if word == "FROM":
            base, name = [*rest.split(" AS "), "last"][:2]
            stages[name] = list(stages.get(base, []))
        else:
            stages[name].append((word, rest))
    return stages


@pytest.mark.parametrize("file", DOCKERFILES, ids=["image", "space"])
def test_what_runs_is_not_root_and_is_watched(file: Path) -> None:
    stages = _stages(file)
    for name in set(stages) - {"wheel", "base"}:
        words = dict(stages[name])
        assert words["USER"] == "viewer", name
        assert "_stcore/health" in words["HEALTHCHECK"]
        assert "sk-viz app --host 0.0.0.0" in words["CMD"].replace('", "', " ")
        last_run = max(n for n, (word, _) in enumerate(stages[name]) if word == "RUN")
        assert [word for word, _ in stages[name]].index("USER") > last_run


def test_the_image_has_a_cpu_and_a_cuda_target() -> None:
    stages = _stages(ROOT / "Dockerfile")
    assert list(stages)[-1] == "cpu"  # what is built when no target is named
    assert any("*.whl cpu" in rest for _, rest in stages["cpu"])
    assert any(rest.endswith("*.whl && rm -rf /wheels") for _, rest in stages["cuda"])


def test_what_is_copied_is_there_and_not_ignored() -> None:
    allowed = re.findall(r"^!(.+)$", (ROOT / ".dockerignore").read_text(), re.MULTILINE)
    for word, rest in _steps(ROOT / "Dockerfile"):
        if word == "COPY" and not rest.startswith("--from"):
            for source in rest.split()[:-1]:
                assert (ROOT / source).exists(), source
                assert source in allowed, source


def test_the_python_of_the_images_is_allowed() -> None:
    for file in DOCKERFILES:
        versions = re.findall(r"python:(\d+)\.(\d+)-slim", file.read_text())
        least = tuple(int(n) for n in PYTHON.removeprefix(">=").split("."))
        assert versions
        assert all(tuple(map(int, version)) >= least for version in versions)


def test_compose_gives_the_app_no_more_than_it_needs() -> None:
    services = yaml.safe_load((ROOT / "compose.yaml").read_text())["services"]
    app = services["app"]
    assert app["read_only"] is True
    assert app["cap_drop"] == ["ALL"]
    assert "ports" not in app  # Caddy alone is reached from outside
    assert app["build"]["target"] in _stages(ROOT / "Dockerfile")
    caddy = (ROOT / "deploy/Caddyfile").read_text()
    assert "reverse_proxy app:8501" in caddy
    assert "basic_auth" in caddy
    for name in set(re.findall(r"\{\$(\w+)\}", caddy)):
        assert name in services["caddy"]["environment"]


def test_the_space_has_a_card_and_says_that_the_token_is_off() -> None:
    text = (ROOT / "deploy/space/README.md").read_text()
    _, head, body = text.split("---\n", 2)
    card = yaml.safe_load(head)
    assert card["sdk"] == "docker"
    assert card["app_port"] == 8501
    assert len(card["short_description"]) <= 60
    assert "token turned off" in body
    words = "\n".join(rest for _, rest in _steps(ROOT / "deploy/space/Dockerfile"))
    assert "SK_VIZ_FRAMED=1" in words
    assert "SK_VIZ_FRAMED" not in (ROOT / "Dockerfile").read_text()
    assert "SK_VIZ_FRAMED=1" in (ROOT / "docs/security.md").read_text()


def test_community_cloud_installs_what_the_app_needs() -> None:
    folder = ROOT / "deploy/streamlit-cloud"
    lines = (folder / "requirements.txt").read_text().splitlines()
    included = [line.removeprefix("-r ") for line in lines if line.startswith("-r ")]
    assert [(folder / name).resolve() for name in included] == [ROOT / "requirements.txt"]


@pytest.mark.skipif(os.name != "posix" or shutil.which("sh") is None, reason="needs a POSIX shell")
def test_the_script_that_installs_is_sound() -> None:
    subprocess.run(["sh", "-n", str(ROOT / "deploy/install.sh")], check=True)
    done = subprocess.run(["sh", str(ROOT / "deploy/install.sh")], capture_output=True, check=False)
    assert done.returncode != 0  # without arguments it touches nothing
