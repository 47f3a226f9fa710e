"""The words of the pages in every language: translated, compiled, and none forgotten."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from string import Formatter
from typing import Any

import catalogue
import pytest
from babel.messages.catalog import Message
from babel.messages.pofile import read_po
from streamlit.testing.v1 import AppTest

from sk_viz.app.entry import PAGES
from sk_viz.app.state import language
from sk_viz.measures.attribution.methods import METHODS

Open = Callable[..., AppTest]
FILES = sorted(catalogue.LOCALE.glob("*/LC_MESSAGES/sk_viz.po"))
# Functions of Streamlit whose texts a visitor reads.
SHOWN = {
    "button", "caption", "chat_input", "error", "expander", "info", "markdown", "number_input",
    "page_link", "pills", "popover", "segmented_control", "select_slider", "selectbox", "slider",
    "success", "text_input", "toggle", "warning", "download_button", "file_uploader", "tabs",
}  # fmt: skip
READ = {"label", "help", "alt", "placeholder", "text"}


@pytest.fixture(params=FILES, ids=lambda file: file.parts[-3])
def file(request: pytest.FixtureRequest) -> Path:
    path: Path = request.param
    return path


def known(file: Path) -> dict[tuple[str, str | None], Message]:
    with file.open("rb") as source:
        return {(m.id if isinstance(m.id, str) else m.id[0], m.context): m for m in read_po(source)}


def fields(text: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(text) if name}


def test_there_is_chinese() -> None:
    assert language.languages() == {"en": "English", "zh": "中文"}


def test_every_word_of_the_pages_is_translated(file: Path) -> None:
    assert missing(file, lambda context: context != catalogue.SENTENCE) == []


@pytest.mark.long  # what the library says changes often, and English stands in for it
def test_every_sentence_of_the_library_is_translated(file: Path) -> None:
    assert missing(file, lambda context: context == catalogue.SENTENCE) == []


def missing(file: Path, wanted: Callable[[str | None], bool]) -> list[str]:
    """What ``python tests/catalogue.py`` would leave to be translated."""
    messages = known(file)
    found_missing = []
    for place, message, context in catalogue.messages():
        if not wanted(context):
            continue
        key = message if isinstance(message, str) else message[0]
        found = messages.get((key, context))
        if found is None or not (
            found.string if isinstance(found.string, str) else found.string[0]
        ):
            found_missing.append(f"{place}: {key[:60]}")
    return found_missing


def test_a_translation_has_the_fields_of_its_message(file: Path) -> None:
    for (message, _), found in known(file).items():
        said = found.string if isinstance(found.string, str) else found.string[0]
        if message and said:
            assert fields(said) == fields(message), message


def test_what_is_compiled_is_what_was_translated(file: Path) -> None:
    assert file.with_suffix(".mo").read_bytes() == catalogue.compile_(file)


def _literals(file: Path) -> Iterator[str]:
    """Texts that a page hands to Streamlit as they stand in the code."""
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute):
            continue
        if node.func.attr not in SHOWN:
            continue
        given = [*node.args[:1], *(k.value for k in node.keywords if k.arg in READ)]
        for value in given:
            parts = value.values if isinstance(value, ast.JoinedStr) else [value]
            for part in parts:
                if isinstance(part, ast.Constant) and isinstance(part.value, str):
                    yield f"{file.name}:{node.lineno} {part.value}"


def test_no_page_hands_out_words_that_nobody_can_translate() -> None:
    wrong = [
        text
        for file in sorted((catalogue.PACKAGE / "app").rglob("*.py"))
        for text in _literals(file)
        if re.search(
            r"[A-Za-z]{3}",
            re.sub(r":\w+\[|SK-Viz|Language|LaTeX|BibTeX|GIF", "", text.split(" ", 1)[1]),
        )
        and not text.endswith("/path/to/pictures")
    ]
    assert wrong == []


def test_no_name_hides_the_translation() -> None:
    """``for _ in`` in a function that translates would hide ``_``."""
    for file in catalogue.PACKAGE.rglob("*.py"):
        source = file.read_text(encoding="utf-8")
        if "gettext as _" in source:
            for node in ast.walk(ast.parse(source)):
                stored = isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)
                name = node.id if stored else getattr(node, "arg", "")  # type: ignore[attr-defined]
                assert name != "_", f"{file}:{getattr(node, 'lineno', 0)}"


# Names that stay as they are in every language.
NAMES = "|".join(
    [
        *[
            r"SK_\d\w*",
            r"SK-Viz",
            r"sknet\w*",
            r"skresne\w[\w.]*",
            r"[\w.-]+\.(?:jpg|png|json|parquet)",
            r"thing",
            r"SKNet",
            r"SK",
            r"timm",
            r"pytorchcv",
            r"syt2",
            r"JSON",
            r"CSV",
            r"Parquet",
            r"PDF",
            r"SVG",
            r"PNG",
            r"GIF",
            r"HTML",
            r"ZIP",
            r"TAR",
            r"NPY",
            r"LaTeX",
            r"BibTeX",
            r"MB",
            r"logits?",
            r"softmax",
            r"ReLU",
            r"BN",
            r"SENet",
            r"Split",
            r"Fuse",
            r"Select",
            r"WordNet",
            r"ImageNet",
            r"Luo",
            r"RepLKNet",
            r"Wilson",
            r"Holm",
            r"Cohen's",
            r"Top",
            r"CPU",
            r"CUDA",
            r"MPS",
            r"zoom",
            r"blur",
            r"resolution",
            r"object",
            r"tile",
            r"window",
            r"jpeg",
            r"label",
            r"name",
            r"out",
            r"survey",
            r"viz",
            r"safetensors",
            r"max",
            r"pprp",
            r"pppLang",
            r"CVPR",
            r"ICCV",
            r"ICML",
            r"NEURIPS",
            r"ICLR",
            r"ECCV",
            r"AAAI",
            r"column",
            r"text",
            r"unit",
            r"branch",
            r"kernel",
            r"dilation",
            r"difference",
            r"channel",
            r"scale",
            r"protocol",
            r"weight",
            r"English",
            r"Language",
            r"caltech-101",
            r"Grad-CAM",
            r"badge",
            r"material\w*",
            r"small",
            r"green",
            r"red",
            r"orange",
            r"blue",
            r"gray",
            r"rgb",
            r"span",
            r"style",
            r"color",
            r"sharp",
            r"Ctrl",
            r"ray",
            r"Ray",
        ],
        *(re.escape(method.title) for method in METHODS.values()),
    ]
)


def _read(app: AppTest) -> Iterator[str]:
    """What stands on a page to be read."""
    for one in [*app.main, *app.sidebar]:
        said = one.type in ("markdown", "caption", "info", "error", "warning", "success")
        for name in ("label", "help", "placeholder", *(["value"] if said else [])):
            value: Any = getattr(one, name, None)
            if isinstance(value, str) and not value.startswith("**图注**"):  # as in the paper
                yield value
        if one.type in ("selectbox", "button_group", "select_slider"):
            yield from (str(option) for option in getattr(one, "options", []))


@pytest.mark.parametrize("page", [path.replace("-", "_") or "explore" for _, _, path in PAGES])
def test_a_page_in_chinese_has_no_english(open_page: Open, page: str) -> None:
    app = open_page(page, lang="zh", picture="panda", scales="1:2:2", method="none")
    assert not app.exception
    english = set()
    for text in _read(app):
        plain = re.sub(r"<[^>]+>|`[^`]+`", " ", text).replace("\\", "")
        rest = re.sub(rf"(?<![A-Za-z])(?:{NAMES})(?![A-Za-z])", " ", plain)
        if found := re.findall(r"[A-Za-z]{3,}(?: [A-Za-z]{2,})*", rest):
            english |= set(found)
    assert english == set()


def test_an_error_of_the_library_is_said_in_chinese(open_page: Open) -> None:
    app = open_page("explore", lang="zh", picture="nonesuch", method="none")
    (sentence,) = [box.value.replace("\\", "") for box in app.error]
    assert sentence.startswith("没有示例 'nonesuch'：")
