"""Names of classes."""

from __future__ import annotations

from sk_viz.zoo.classes import imagenet_classes, unnamed_classes


def test_imagenet():
    classes = imagenet_classes()
    assert len(classes) == 1000
    assert len({c.name for c in classes}) == 1000
    assert len({c.wnids for c in classes}) == 1000
    assert classes[0].name == "tench"
    assert classes[281].name == "tabby"
    assert classes[281].wnids == ("n02123045",)
    assert classes[134].name == "crane (n02012849)"
    assert classes[639].name == "maillot, tank suit"


def test_other_numbers_of_classes():
    assert unnamed_classes(1000) == imagenet_classes()
    assert [c.name for c in unnamed_classes(3)] == ["class 0", "class 1", "class 2"]
