"""The words of the pages, as a translator gets them.

``python tests/catalogue.py`` brings every ``sk_viz.po`` under ``sk_viz/app/locale`` up to the
code and compiles it. To add a language, make the folder ``<tag>/LC_MESSAGES`` there, run this, and
translate the ``sk_viz.po`` it leaves.
"""

from __future__ import annotations

import ast
import io
import json
import re
from collections.abc import Iterator
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "sk_viz"
LOCALE = PACKAGE / "app" / "locale"
SENTENCE = "sentence"  # sk_viz.app.state.language.SENTENCE
ERRORS = ("PictureError", "ModelError", "ScaleError", "ValueError")
# Where a page meets the library: what these folders say can stand on a page.
SPEAKING = ("app", "pictures", "zoo", "datasets", "measures", "surveys", "publish", "figures")
# Constants that pages show as they are, by module.
CONSTANTS = {
    "zoo/catalogue.py": ("UNTRAINED_NOTE", "SPLIT_NOTE"),
    "measures/attribution/methods.py": ("_MEAN",),
}
ARGUMENTS = ("note", "baseline")


def messages() -> Iterator[tuple[str, str | tuple[str, str], str | None]]:
    """Place, message (or singular and plural), and context of all words that pages can show."""
    for folder in ("app", "figures/screen"):
        for file in sorted((PACKAGE / folder).rglob("*.py")):
            place = file.relative_to(ROOT).as_posix()
            for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
                if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
                    words = [a.value for a in node.args if isinstance(a, ast.Constant)]
                    if node.func.id in ("_", "gettext", "mark") and words:
                        yield place, str(words[0]), None
                    elif node.func.id == "ngettext" and len(words) > 1:
                        yield place, (str(words[0]), str(words[1])), None
    yield "sk_viz/app/state/language.py", "English", "name of the language"
    for place, sentence in sentences():
        yield place, sentence, SENTENCE


def sentences() -> Iterator[tuple[str, str]]:
    """What the library says by itself: errors, notes of models, titles of samples."""
    for folder in SPEAKING:
        for file in sorted((PACKAGE / folder).rglob("*.py")):
            place = file.relative_to(PACKAGE).as_posix()
            tree = ast.parse(file.read_text(encoding="utf-8"))
            for node in ast.walk(tree):
                raised = isinstance(node, ast.Call) and _name(node.func) in ERRORS and node.args
                if raised and (text := template(node.args[0])):  # type: ignore[attr-defined]
                    yield place, text
                noted = isinstance(node, ast.keyword) and node.arg in ARGUMENTS
                if noted and (text := template(node.value)):  # type: ignore[attr-defined]
                    yield place, text
                if isinstance(node, ast.Assign) and _name(node.targets[0]) in CONSTANTS.get(
                    place, ()
                ):
                    yield place, str(template(node.value))
    for file in sorted((ROOT / "models").glob("*/config.json")):
        yield f"models/{file.parent.name}", json.loads(file.read_text(encoding="utf-8"))["note"]
    for sample in json.loads((ROOT / "assets" / "samples.json").read_text())["samples"]:
        yield "assets/samples.json", sample["title"]


def template(node: ast.expr) -> str:
    """A message with {0}, {1} … where it has values; "" for what is no literal."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if not isinstance(node, ast.JoinedStr):
        return ""
    text, count = "", 0
    for part in node.values:
        if isinstance(part, ast.Constant):
            text += str(part.value)
        else:
            text += f"{{{count}}}"
            count += 1
    # A sentence out of values alone says nothing by itself.
    return text if re.search(r"[A-Za-z]{3}", re.sub(r"\{\d+\}", "", text)) else ""


def update(file: Path) -> Catalog:
    """Bring a catalogue up to the code; its translations stay."""
    with file.open("rb") as source:
        old = read_po(source)
    new = Catalog(locale=file.parts[-3], project="SK-Viz", charset="utf-8", fuzzy=False)
    for place, message, context in messages():
        known = old.get(message if isinstance(message, str) else message[0], context)
        new.add(message, known.string if known else "", locations=[(place, 0)], context=context)
    with file.open("wb") as target:
        write_po(target, new, width=100, sort_output=True, omit_header=False, include_lineno=False)
    return new


def compile_(file: Path) -> bytes:
    """The catalogue as gettext reads it."""
    with file.open("rb") as source:
        catalogue = read_po(source)
    compiled = io.BytesIO()
    write_mo(compiled, catalogue)
    return compiled.getvalue()


def _name(node: ast.expr) -> str:
    return node.id if isinstance(node, ast.Name) else getattr(node, "attr", "")


def main() -> None:
    """Update and compile every language."""
    for folder in sorted(LOCALE.glob("*/LC_MESSAGES")):
        file = folder / "sk_viz.po"
        if not file.exists():
            file.write_text('msgid ""\nmsgstr "Content-Type: text/plain; charset=utf-8\\n"\n')
        catalogue = update(file)
        file.with_suffix(".mo").write_bytes(compile_(file))
        missing = sum(not message.string for message in catalogue if message.id)
        print(f"{folder.parent.name}: {len(catalogue)} messages, {missing} without translation")


if __name__ == "__main__":
    main()
