"""The layers of the package: allowed imports, the size of a folder, the names of modules."""

from __future__ import annotations

import ast
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

import sk_viz

PACKAGE = Path(sk_viz.__file__).parent
# Modules at the top that import nothing of the folders: everybody may use them.
COMMON = {
    "display",
    "errors",
    "files",
    "paths",
    "preprocessing",
    "quiet",
    "spreadsheets",
    "types",
    "version",
    "language",
}
# What each folder may import besides COMMON and itself, from the floor upwards.
ALLOWED: dict[str, set[str]] = {
    "pictures": set(),
    "networks": set(),
    "zoo": {"networks"},
    "datasets": {"pictures", "zoo"},
    "measures": {"datasets", "networks", "pictures", "zoo"},
    "surveys": {"datasets", "measures", "networks", "pictures", "zoo"},
    "figures": {"measures"},
    "publish": {"figures", "measures", "pictures", "surveys", "zoo"},
    "training": {"datasets", "measures", "networks", "pictures", "surveys", "zoo"},
    "benchmarks": {"measures", "networks", "pictures", "surveys", "zoo"},
    "app": {
        "datasets", "figures", "measures", "networks", "pictures", "publish", "surveys", "zoo",
    },
    "cli": {
        "app", "benchmarks", "datasets", "figures", "measures", "networks", "pictures", "publish",
        "surveys", "training", "zoo",
    },
}  # fmt: skip
# ``figures`` draws tables and results. It may name the types of results for the type checker; of
# what runs, these helpers alone, none of which can run a model.
DRAWABLE = (
    "sk_viz.measures.result",
    "sk_viz.measures.sweep.result",
    "sk_viz.measures.sweep.changes",
)


def _modules() -> dict[str, Path]:
    found = {}
    for path in PACKAGE.rglob("*.py"):
        parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


MODULES = _modules()


def _imports(module: str, *, types: bool = True) -> Iterator[str]:
    """Every module of this package that a module imports, also within functions.

    Args:
        module: its name.
        types: also what only the type checker imports.
    """
    tree = ast.parse(MODULES[module].read_text(encoding="utf-8"))
    if not types:
        for node in ast.walk(tree):
            if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
                node.body = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names if name.name.startswith("sk_viz"))
        elif isinstance(node, ast.ImportFrom) and (node.module or "").startswith("sk_viz"):
            for name in node.names:
                inner = f"{node.module}.{name.name}"
                yield inner if inner in MODULES else str(node.module)


def _folder(module: str) -> str:
    """The top folder of a module; the empty string for the package itself and its top modules."""
    parts = module.split(".")
    return parts[1] if len(parts) > 1 and (PACKAGE / parts[1]).is_dir() else ""


@pytest.mark.parametrize("folder", sorted(ALLOWED))
def test_a_folder_imports_only_what_lies_below_it(folder: str) -> None:
    for module in MODULES:
        if _folder(module) != folder:
            continue
        for imported in _imports(module):
            other = _folder(imported)
            if other in ("", folder):
                top = imported.split(".")[1] if "." in imported else ""
                public = folder in ("app", "cli", "benchmarks")  # these stand outside
                assert other or top in COMMON or public, f"{module} imports {imported}"
            else:
                assert other in ALLOWED[folder], f"{module} imports {imported}"


def test_every_folder_has_its_floor() -> None:
    folders = {_folder(module) for module in MODULES} - {""}
    assert folders == set(ALLOWED)


def test_what_draws_knows_no_model() -> None:
    for module in MODULES:
        if _folder(module) == "figures":
            for imported in _imports(module, types=False):
                assert _folder(imported) != "measures" or imported in DRAWABLE, (module, imported)


def test_no_import_circle_between_modules() -> None:
    graph = {m: {i for i in _imports(m) if i in MODULES and i != m} for m in MODULES}
    graph["sk_viz"] = set()  # imports names lazily, for its users
    settled: set[str] = set()

    def visit(module: str, path: tuple[str, ...]) -> None:
        assert module not in path, f"a circle: {' -> '.join((*path, module))}"
        if module in settled:
            return
        for other in graph[module]:
            visit(other, (*path, module))
        settled.add(module)

    for module in graph:
        visit(module, ())


def test_no_folder_is_a_crowd_and_no_module_repeats_its_folder() -> None:
    for folder in {path.parent for path in MODULES.values()}:
        files = [path.stem for path in folder.glob("*.py") if path.stem != "__init__"]
        assert len(files) <= 20, f"{folder.name} holds {len(files)} modules"
        repeated = [stem for stem in files if folder.name in (stem, stem.split("_")[0])]
        assert not repeated, f"{folder.name} holds {repeated}"


def test_modules_hold_one_idea() -> None:
    long = {
        module: lines
        for module, path in MODULES.items()
        if (lines := len(path.read_text(encoding="utf-8").splitlines())) > 400
    }
    assert not long


def test_the_page_on_the_architecture_names_every_folder() -> None:
    text = (PACKAGE.parent / "ARCHITECTURE.md").read_text(encoding="utf-8")
    for folder in ALLOWED:
        assert f"| `{folder}/` |" in text


def test_the_wheel_carries_every_folder() -> None:
    settings = tomllib.loads((PACKAGE.parent / "pyproject.toml").read_text(encoding="utf-8"))
    listed = {name for name in settings["tool"]["setuptools"]["packages"] if "_data" not in name}
    found = {module for module, path in MODULES.items() if path.name == "__init__.py"}
    assert listed == found
