"""Which class a label means, and by what that is told."""

from __future__ import annotations

import pytest

from sk_viz.datasets.matching import ClassMatcher

CLASSES = ("tabby cat", "panda", "Buddha statue", "go-kart", "school bus", "watch")
IDS = (("n02123045",), (), (), ("n03444034",), ("n04146614",), ())


@pytest.fixture
def matcher() -> ClassMatcher:
    return ClassMatcher(CLASSES, IDS, {"mine": ("n04146614",), "other": ("n09999999",)})


@pytest.mark.parametrize(
    ("label", "name", "how"),
    [
        ("tabby cat", "tabby cat", "name"),
        ("TABBY CAT", "tabby cat", "name"),
        ("n02123045", "tabby cat", "WordNet"),
        ("n02123045-tabby", "tabby cat", "WordNet"),
        ("mine", "school bus", "WordNet"),
        ("tabby_cat", "tabby cat", "spelling"),
        ("TabbyCat", "tabby cat", "spelling"),
        ("003.tabby_cat", "tabby cat", "spelling"),
        ("pandas", "panda", "spelling"),
        ("school-buses", None, None),
        ("go kart", "go-kart", "spelling"),
        ("buddha-statue", "Buddha statue", "spelling"),
        ("tabby", "tabby cat", "WordNet"),
        ("tabby, tabby cat", "tabby cat", "WordNet"),
        ("1", "panda", "number"),
        ("6", None, None),
        ("other", None, None),
        ("giraffe", None, None),
    ],
)
def test_labels(matcher: ClassMatcher, label: str, name: str | None, how: str | None) -> None:
    match = matcher(label)
    if name is None:
        assert match is None
    else:
        assert match is not None
        assert (CLASSES[match.index], match.how) == (name, how)


def test_a_spelling_of_two_classes_is_none_of_them() -> None:
    matcher = ClassMatcher(("go kart", "go-karts"), ((), ()), {})
    assert matcher("GoKart") is None


def test_the_nearest_class_is_offered(matcher: ClassMatcher) -> None:
    assert matcher.nearest("tabby kat") == "tabby cat"
    assert matcher.nearest("zzz") is None


def test_a_class_that_is_called_by_a_number_comes_before_the_number() -> None:
    matcher = ClassMatcher(("1", "0"), ((), ()), {})
    assert (matcher("0").index, matcher("0").how) == (1, "name")
