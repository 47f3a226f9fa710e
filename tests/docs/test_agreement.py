"""README, help and site say the same: every command parses, every public name has its entry."""

from __future__ import annotations

import ast
import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
import typer
from docs_blocks import PAGES, ROOT, blocks, commands

import sk_viz
from sk_viz.cli import cli

NAV = tomllib.loads((ROOT / "zensical.toml").read_text())["project"]["nav"]
GENERATED = {"commands.md"}
FOLDERS = {"figures", "measures", "networks", "pictures", "surveys", "training"}


def _leaves(nav: list[Any]) -> list[str]:
    found = []
    for entry in nav:
        for value in entry.values():
            found += _leaves(value) if isinstance(value, list) else [value]
    return found


def test_every_page_is_in_the_site_and_every_entry_has_its_page() -> None:
    written = {path.relative_to(ROOT / "docs").as_posix() for path in (ROOT / "docs").rglob("*.md")}
    assert set(_leaves(NAV)) == written | GENERATED


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_command_on_a_page_is_one_that_the_program_takes(page: Path) -> None:
    group: Any = typer.main.get_command(cli)
    for words in commands(page):
        name, *rest = words[1:]
        assert name in group.commands, words
        context = group.commands[name].make_context(name, rest)
        assert context.params


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_python_block_is_python(page: Path) -> None:
    for language, text in blocks(page):
        if language == "python":
            ast.parse(text)


def test_the_readme_names_every_command() -> None:
    group: Any = typer.main.get_command(cli)
    named = {words[1] for page in PAGES for words in commands(page)}
    assert set(group.commands) - named <= {"app", "bench", "train"}


def test_every_public_name_has_an_entry_with_an_example() -> None:
    text = (ROOT / "docs/reference.md").read_text()
    code = "\n".join(block for language, block in blocks(ROOT / "docs/reference.md"))
    for name in set(sk_viz.__all__) - FOLDERS - {"__version__"}:
        assert f"::: sk_viz.{name}\n" in text or f"### sk_viz.{name}\n" in text, name
    for name in set(sk_viz.__all__) - FOLDERS - {"__version__"}:
        shown = sk_viz.__dict__.get(name, getattr(sk_viz, name))
        result = isinstance(shown, type) and hasattr(shown, "MEASURE")  # used by what returns it
        assert result or f"sk_viz.{name}" in code, name


@pytest.mark.parametrize("page", [*PAGES, ROOT / "ARCHITECTURE.md"], ids=lambda page: page.name)
def test_every_file_that_a_page_names_exists(page: Path) -> None:
    folders = "tests|sk_viz|deploy|assets|models|notebooks|docs"
    for name in re.findall(rf"(?:{folders})/[\w./*-]*\w", page.read_text(encoding="utf-8")):
        assert list(ROOT.glob(name)), name
