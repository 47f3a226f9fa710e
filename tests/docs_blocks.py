"""The code blocks of README and documentation."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]


def blocks(page: Path) -> list[tuple[str, str]]:
    """Language and text of each fenced block, also of those within tabs."""
    found = re.findall(
        r"^( *)```(\w*)\n(.*?)^\1```", page.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL
    )
    return [
        (language, "\n".join(line.removeprefix(indent) for line in text.splitlines()))
        for indent, language, text in found
    ]


def commands(page: Path) -> list[list[str]]:
    """The commands of this program on a page, in order."""
    found = []
    for language, text in blocks(page):
        if language == "sh":
            for line in text.splitlines():
                for part in line.split("&&"):
                    words = shlex.split(part, comments=True)
                    if words[:1] == ["sk-viz"]:
                        found.append(words)
    return found
