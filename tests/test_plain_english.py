"""Phrases that readers stumbled on stay out of all that a person reads."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
# Each pattern, and what to write in its place.
INSTEAD = {
    r"gone? on with\b": "resume",
    r"goes on where": "resumes where",
    r"\bat most so many": "at most N",
    r"\bof which the\b": "whose, or two sentences",
    r"\botherwise than\b": "differently from",
    r"\banew\b": "again",
    r"(?<!here )\bis no (?:model|picture|file|network|folder|survey)\b": "is not a",
    r"(?<!here )\b(?-i:are|is) (?-i:none)(?=[.,;:)\"'`]|$)": "are unknown, is not one",
    r"\bthose of who\b": "name the subject",
    r"\bso that who\b": "so that the reader",
    r"\bA click in\b": "Click",
    r"\bmost of all SK_": "the largest change is in",
    r"\bchoose among 3x3\b": "choose between",
    r"\bIs it so\?": "Can this map be trusted?",
    r"\bdoes not foretell\b": "does not predict",
    r"\bWho is thought of\b": "Threat model",
    r"\bNot thought of\b": "Out of scope",
    r"\bTake it back\b": "Reset",
    r"\bone folder a class\b": "one folder per class",
    r"\bsays to hold more\b": "claims more data",
    r"\b(?:a|one|each) (?:scale|unit|picture|class) a (?:scale|unit|picture|class|page)\b": "per",
}
SUFFIXES = {".py", ".pyi", ".md", ".html", ".js", ".css", ".po", ".ipynb"}
FOLDERS = ("sk_viz", "tests", "docs", "notebooks", "models", "assets", ".github")


def _texts() -> list[Path]:
    inside = [p for f in FOLDERS if (ROOT / f).is_dir() for p in (ROOT / f).rglob("*")]
    files = [*ROOT.glob("*.md"), *ROOT.glob("*.py"), *inside]
    return [p for p in files if p.suffix in SUFFIXES and p != Path(__file__).resolve()]


def test_no_listed_phrase_is_left() -> None:
    found = []
    for path in _texts():
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
            for pattern, instead in INSTEAD.items():
                if match := re.search(pattern, line, flags=re.IGNORECASE):
                    place = f"{path.relative_to(ROOT)}:{number}"
                    found.append(f"{place}: {match.group()!r}, better: {instead}")
    assert not found, "\n".join(found)
