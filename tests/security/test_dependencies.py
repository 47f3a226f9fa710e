"""Every import is declared and bounded, and the audit judges as it says."""

from __future__ import annotations

import ast
import importlib.metadata
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import audit
import pytest
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet

ROOT = Path(__file__).resolve().parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
OPTIONAL = ("bench", "fast", "heif", "ray")  # what the package imports only where it is installed


def requirements(*extras: str) -> list[Requirement]:
    """What the package itself requires, and with these extras; an extra may name others."""
    listed = (ROOT / "requirements.txt").read_text(encoding="utf-8").splitlines()
    found = [Requirement(text) for text in listed]
    waiting = [Requirement(t) for name in extras for t in PROJECT["optional-dependencies"][name]]
    while waiting:
        one = waiting.pop()
        if one.name == PROJECT["name"]:
            inner = (PROJECT["optional-dependencies"][name] for name in one.extras)
            waiting += [Requirement(text) for texts in inner for text in texts]
        else:
            found.append(one)
    return found


def imported(*places: str) -> set[str]:
    """The packages of other people that the files below these places import."""
    files = [f for place in places for f in (ROOT / place).rglob("*.py")]
    own = {f.stem for f in (ROOT / "tests").rglob("*.py")} | {"sk_viz", "tests", "fixtures"}
    own.add("__future__")
    names: set[str] = set()
    for file in files:
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                names |= {alias.name.partition(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and not node.level:
                names.add(str(node.module).partition(".")[0])
    return names - set(sys.stdlib_module_names) - own


def distributions(modules: set[str]) -> set[str]:
    """Who brings them; of several, any one that is declared."""
    brought = importlib.metadata.packages_distributions()
    declared = {one.name for one in requirements("dev")}
    found = set()
    for module in modules:
        owners = {name.lower().replace("_", "-") for name in brought.get(module, [module])}
        found.add(next(iter(owners & declared), min(owners)))
    return found


def test_every_import_is_declared() -> None:
    optional = {one.name for one in requirements(*OPTIONAL)}
    assert distributions(imported("sk_viz")) <= optional
    assert distributions(imported("tests")) <= {one.name for one in requirements("dev")}


def test_the_development_environment_has_every_extra() -> None:
    everything = {str(one) for one in requirements(*PROJECT["optional-dependencies"])}
    assert {str(one) for one in requirements("dev")} == everything


def test_no_package_is_listed_twice() -> None:
    names = [one.name for one in requirements("dev")]
    assert sorted(names) == sorted(set(names))


# Sorted, so that every worker collects the same tests in the same order.
@pytest.mark.parametrize("one", sorted(requirements("dev"), key=str), ids=lambda one: one.name)
def test_every_requirement_is_bounded_on_both_sides(one: Requirement) -> None:
    if one.marker is not None and not one.marker.evaluate():
        pytest.skip(f"{one.name} is not for this system")
    assert {">=", "<"} <= {part.operator for part in one.specifier}, one
    assert one.specifier.contains(importlib.metadata.version(one.name), prereleases=True), one


def test_the_audit_knows_what_is_run() -> None:
    found = audit.closure("sk-viz")
    assert {"torch", "streamlit", "pillow", "protobuf"} <= set(found)
    assert "pytest" not in found
    bounds = audit.bounds_of(["sk-viz", *found])
    assert all(bounds[name].contains(found[name], prereleases=True) for name in found)


def test_the_audit_fails_only_on_what_an_update_mends() -> None:
    def fault(name: str, *fixed: str) -> dict[str, object]:
        return {"name": name, "version": "1.0", "vulns": [{"id": "X-1", "fix_versions": [*fixed]}]}

    bounds = {"pillow": SpecifierSet(">=1,<3")}
    answer = {"dependencies": [fault("Pillow", "2.1"), fault("pillow", "3.0"), fault("other")]}
    wrong, told = audit.judge(answer, bounds)
    assert wrong == ["Pillow 1.0: X-1, mended in 2.1: update the environment"]
    assert [line.split(":")[0] for line in told] == ["pillow 1.0", "other 1.0"]
    assert audit.judge({"dependencies": [fault("other", "1.1")]}, bounds)[0]
    skipped = {"dependencies": [{"name": "torch", "skip_reason": "not found"}]}
    assert audit.judge(skipped, bounds) == ([], [])


def test_without_a_network_it_says_so_and_fails_nothing(monkeypatch, capfd) -> None:
    monkeypatch.setattr(audit, "reachable", lambda: "Network is unreachable")
    assert audit.main() == 0
    assert "were not audited (api.osv.dev: Network is unreachable)" in capfd.readouterr().out


def test_pip_audit_takes_what_it_is_asked(monkeypatch) -> None:
    """Its own words on the command line; the service itself is not asked here."""
    known = subprocess.run(
        [sys.executable, "-m", "pip_audit", "--help"], capture_output=True, text=True, check=True
    ).stdout
    asked: list[list[str]] = []

    def run(command: list[str], **_: object) -> subprocess.CompletedProcess[str]:
        asked.append(command)
        assert Path(command[command.index("--requirement") + 1]).read_text() == "torch==2.9.0\n"
        return subprocess.CompletedProcess(command, 0, '{"dependencies": []}', "")

    monkeypatch.setattr(audit.subprocess, "run", run)
    assert audit.ask([("torch", "2.9.0+cpu")]) == {"dependencies": []}
    options = [word for word in asked[0] if word.startswith("--")]
    assert all(re.search(rf"{option}\b", known) for option in options)
