"""The files around the code agree with it and with one another."""

from __future__ import annotations

import re
import shlex
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml
from packaging.licenses import canonicalize_license_expression
from packaging.requirements import Requirement

import sk_viz
from sk_viz.cli import cli
from sk_viz.pictures import samples
from sk_viz.zoo.catalogue import BUNDLED, KNOWN

ROOT = Path(__file__).resolve().parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
REPOSITORY = PROJECT["project"]["urls"]["Repository"]
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))


def text(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def recipe(target: str) -> str:
    """The commands of a target of the Makefile."""
    found = re.search(rf"^{target}:.*\n((?:\t.*\n)*)", text("Makefile"), re.MULTILINE)
    assert found is not None, target
    return found[1]


def steps(workflow: Path) -> list[dict[str, Any]]:
    jobs = yaml.safe_load(workflow.read_text(encoding="utf-8"))["jobs"]
    return [step for job in jobs.values() for step in job["steps"]]


def test_the_version_has_one_source() -> None:
    assert PROJECT["tool"]["setuptools"]["dynamic"]["version"]["attr"].startswith("sk_viz.version.")
    assert "version" in PROJECT["project"]["dynamic"]
    assert yaml.safe_load(text("CITATION.cff"))["version"] == sk_viz.__version__
    released = re.findall(
        r"^## \[(\d[\d.]*)\] - \d{4}-\d\d-\d\d$", text("CHANGELOG.md"), re.MULTILINE
    )
    assert released[0] == sk_viz.__version__


def test_the_code_is_under_the_apache_licence() -> None:
    lines = text("LICENSE").split()
    assert lines[:4] == ["Apache", "License", "Version", "2.0,"]
    assert "END OF TERMS AND CONDITIONS" in text("LICENSE")
    assert yaml.safe_load(text("CITATION.cff"))["license"] == "Apache-2.0"


def test_the_licence_expression_names_code_pictures_and_weights() -> None:
    expression = PROJECT["project"]["license"]
    assert canonicalize_license_expression(expression) == expression
    pictures = {sample.licence for sample in samples()} - {"Public domain"}
    weights = {f"LicenseRef-{KNOWN[BUNDLED].licence}"}
    assert set(expression.split(" AND ")) == {"Apache-2.0"} | pictures | weights


def test_no_part_of_the_project_is_under_the_gpl() -> None:
    assert not [sample.id for sample in samples() if "GPL" in sample.licence]
    named = [
        p for folder in ("assets", "models", "sk_viz") for p in (ROOT / folder).rglob("COPYING*")
    ]
    assert named == []


def test_the_notice_names_what_has_terms_of_its_own() -> None:
    notice = text("NOTICE")
    for word in ("Apache License, Version 2.0", "LICENSES.md", "MODEL_CARD.md", "Tiny ImageNet"):
        assert word in notice
    assert set(PROJECT["project"]["license-files"]) == {"LICENSE", "NOTICE", "assets/LICENSES.md"}


def test_the_repository_has_one_address() -> None:
    assert yaml.safe_load(text("CITATION.cff"))["repository-code"] == REPOSITORY
    for name in ("README.md", "CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md", "pyproject.toml"):
        found = re.findall(r"https://github\.com/[\w-]*sk-viz[\w-]*/[\w-]+", text(name))
        assert set(found) <= {REPOSITORY}, name


def test_every_package_of_the_source_is_installed() -> None:
    folders = {file.parent for file in (ROOT / "sk_viz").rglob("*.py")}
    names = {folder.relative_to(ROOT).as_posix().replace("/", ".") for folder in folders}
    listed = set(PROJECT["tool"]["setuptools"]["packages"])
    assert names == {name for name in listed if not name.startswith("sk_viz._data.")}


def test_the_lock_pins_every_requirement_within_its_range() -> None:
    lock = text("requirements.lock")
    assert "://" not in lock
    pinned: dict[str, list[str]] = {}
    for name, version in re.findall(r"^([\w.-]+)==([\w.]+)", lock, re.MULTILINE):
        pinned.setdefault(name, []).append(version)
    extras = PROJECT["project"]["optional-dependencies"].values()
    listed = [*text("requirements.txt").splitlines(), *(one for extra in extras for one in extra)]
    for one in map(Requirement, listed):
        if one.name != PROJECT["project"]["name"]:
            assert pinned.get(one.name), f"{one.name} is not in requirements.lock: run make lock"
            for version in pinned[one.name]:
                assert one.specifier.contains(version), f"{one} against {version}: run make lock"


def test_what_make_test_and_make_check_run() -> None:
    assert "pytest $(WORKERS)\n" in recipe("test")
    assert "--long" not in recipe("test")
    assert "pytest --long\n" in recipe("check")
    assert "sk-viz bench" in recipe("check")
    assert text(".ci/run").rstrip().endswith("make test")


def test_pre_commit_runs_what_make_lint_runs() -> None:
    (local,) = yaml.safe_load(text(".pre-commit-config.yaml"))["repos"]
    hooks = {hook["entry"].removeprefix(".venv/bin/") for hook in local["hooks"]}
    assert hooks == {"ruff check --force-exclude", "ruff format --force-exclude", "mypy"}
    for command in ("ruff check", "ruff format", "mypy"):
        assert f"$(BIN)/{command}" in recipe("lint")


@pytest.mark.parametrize("workflow", WORKFLOWS, ids=lambda path: path.stem)
def test_a_workflow_asks_for_no_more_than_it_needs(workflow: Path) -> None:
    content = yaml.safe_load(workflow.read_text(encoding="utf-8"))
    assert content["permissions"] == {"contents": "read"}
    assert "secrets." not in workflow.read_text(encoding="utf-8")
    for job in content["jobs"].values():
        assert job["timeout-minutes"] <= 60
    for step in steps(workflow):
        assert "uses" not in step or "@" in step["uses"]


def test_the_workflow_runs_on_three_systems() -> None:
    content = yaml.safe_load(text(".github/workflows/test.yml"))
    systems = content["jobs"]["wheel"]["strategy"]["matrix"]["system"]
    assert {name.partition("-")[0] for name in systems} == {"ubuntu", "macos", "windows"}
    oldest = PROJECT["project"]["requires-python"].removeprefix(">=")
    assert oldest in content["jobs"]["quick"]["strategy"]["matrix"]["python"]
    assert {"run": "make test"} in steps(ROOT / ".github" / "workflows" / "test.yml")


def test_commands_and_folders_of_the_workflows_exist() -> None:
    known = {command.name for command in cli.registered_commands}
    run = [
        line
        for flow in WORKFLOWS
        for step in steps(flow)
        for line in step.get("run", "").splitlines()
    ]
    commands = [shlex.split(line)[1] for line in run if line.startswith("sk-viz ")]
    assert len(commands) >= 4
    assert set(commands) <= known
    folders = {word for line in run for word in line.split() if word.startswith("tests/")}
    assert folders
    assert all((ROOT / folder).is_dir() for folder in folders)


def test_publishing_is_trusted() -> None:
    publish = yaml.safe_load(text(".github/workflows/publish.yml"))["jobs"]["publish"]
    assert publish["permissions"] == {"id-token": "write"}
    assert publish["needs"] == "build"
    assert any("gh-action-pypi-publish" in step.get("uses", "") for step in publish["steps"])
