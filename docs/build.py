"""Build the documentation site: the command line's page, the gallery's pictures, then Zensical.

Run from anywhere::

    python docs/build.py [--out site]

Everything generated is put beside a copy of the pages, so the checkout stays as it is.
"""

from __future__ import annotations

import argparse
import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Iterator
from contextlib import chdir
from pathlib import Path
from typing import Any

import typer

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from sk_viz.cli import cli, run  # noqa: E402  the checkout's own package
from sk_viz.pictures import samples  # noqa: E402

PICTURE = "panda"


def main(arguments: list[str] | None = None) -> None:
    """Build the site, strictly: a warning fails."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=ROOT / "site")
    out = parser.parse_args(arguments).out.resolve()
    with tempfile.TemporaryDirectory(prefix="sk-viz-docs-") as folder:
        source = Path(folder)
        copy_sources(source)
        (source / "docs" / "commands.md").write_text(commands_page(), encoding="utf-8")
        make_gallery(source / "docs")
        zensical = [sys.executable, "-m", "zensical", "build", "--strict", "--clean"]
        path = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
        subprocess.run(zensical, cwd=source, check=True, env={**os.environ, "PYTHONPATH": path})
        tidy(source / "site")
        shutil.rmtree(out, ignore_errors=True)
        shutil.copytree(source / "site", out)
    print(f"The site is in {out}")


def tidy(site: Path) -> None:
    """Take out Sphinx's roles, which docstrings have for editors and Zensical shows as text."""
    for page in site.rglob("*.html"):
        text = page.read_text(encoding="utf-8")
        text = re.sub(r":(?:func|class|mod|meth|data):(?=\s*<code>)", "", text)
        text = re.sub(r"<code>~[\w.]+\.(\w+)</code>", r"<code>\1</code>", text)
        page.write_text(text, encoding="utf-8")


def copy_sources(folder: Path) -> None:
    """The pages and the settings; links that leave the pages go to the repository."""
    shutil.copytree(ROOT / "docs", folder / "docs", ignore=shutil.ignore_patterns("*.py", "__*"))
    settings = (ROOT / "zensical.toml").read_text(encoding="utf-8")
    (folder / "zensical.toml").write_text(
        settings.replace('paths = ["."]', f"paths = [{str(ROOT)!r}]"), encoding="utf-8"
    )
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    address = project["urls"]["Repository"]
    for page in (folder / "docs").rglob("*.md"):
        text = page.read_text(encoding="utf-8")
        text = re.sub(r"\]\(\.\./", f"]({address}/blob/main/", text)
        page.write_text(text, encoding="utf-8")


def commands_page() -> str:
    """Every command with its arguments and options, as ``--help`` gives them."""
    group: Any = typer.main.get_command(cli)
    lines = [
        "# Command line",
        "",
        "`sk-viz` and `python -m sk_viz` are the same program. Exit codes: 0 done, 2 wrong input "
        "(one sentence on stderr), 1 a bug.",
    ]
    for name, command in group.commands.items():
        context = command.context_class(command, info_name=f"sk-viz {name}")
        usage = " ".join(command.collect_usage_pieces(context))
        lines += ["", f"## {name}", "", _sentence(command.help), "", "```text"]
        lines += [f"sk-viz {name} {usage}", "```", ""]
        lines += ["| option | meaning |", "|---|---|", *_rows(command, context)]
    return "\n".join([*lines, ""])


def make_gallery(docs: Path) -> None:
    """Run each command of the gallery's page in the folder of its pictures.

    Raises:
        RuntimeError: a command failed.
    """
    folder = docs / "gallery"
    folder.mkdir(exist_ok=True)
    (picture,) = (sample.path for sample in samples() if sample.id == PICTURE)
    shutil.copy(picture, folder / "cat.jpg")
    for sample in samples("photo"):
        if sample.label is not None:
            (folder / "photos" / sample.label).mkdir(parents=True, exist_ok=True)
            shutil.copy(sample.path, folder / "photos" / sample.label)
    with chdir(folder):
        for words in gallery_commands(docs / "gallery.md"):
            if run(words[1:]) != 0:
                raise RuntimeError(f"The gallery's command failed: {shlex.join(words)}")
    shutil.rmtree(folder / "photos")
    shutil.rmtree(folder / "survey", ignore_errors=True)


def gallery_commands(page: Path) -> Iterator[list[str]]:
    """The commands on the gallery's page, in order."""
    for block in re.findall(r"^```sh\n(.*?)^```", page.read_text(encoding="utf-8"), re.M | re.S):
        for line in block.splitlines():
            yield shlex.split(line, comments=True)


def _rows(command: Any, context: Any) -> Iterator[str]:
    for parameter in command.get_params(context):
        if parameter.name == "help":
            continue
        names = ", ".join(f"`{one}`" for one in [*parameter.opts, *parameter.secondary_opts])
        text = _sentence(getattr(parameter, "help", "") or "")
        if parameter.default not in (None, False, "") and parameter.param_type_name == "option":
            text = f"{text} Default: `{parameter.default}`.".strip()
        yield f"| {names} | {text} |"


def _sentence(text: str | None) -> str:
    return " ".join((text or "").split()).replace("|", "\\|")


if __name__ == "__main__":
    main()
