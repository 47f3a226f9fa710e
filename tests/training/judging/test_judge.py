from dataclasses import replace

import numpy as np
import pytest

from sk_viz.datasets.labelled import read_labelled
from sk_viz.measures.held import held_weights
from sk_viz.training.judging import judge as module
from sk_viz.training.judging.judge import BEYOND, OBJECT_SIZES, judge, show


def test_the_findings_say_what_a_direct_forward_says(model, folder):
    pictures = read_labelled(folder)
    found = judge(model, pictures, progress=lambda _: None)
    seen = show(model, pictures, 1.0)
    right = (seen.logits.argmax(axis=1) == pictures.labels).mean()
    assert found["accuracy"]["imagefolder"]["top1"]["share"] == pytest.approx(right)
    assert found["accuracy"]["imagefolder"]["top5"]["share"] == 1  # of two classes
    assert found["choice"]["imagefolder"]["live"]["share"] == pytest.approx(right)
    assert list(found["object_size"]["imagefolder"]) == [str(size) for size in OBJECT_SIZES]
    zoomed = show(model, pictures, 2.0)
    change = (zoomed.differences - seen.differences)[:, 1]
    entry = next(e for e in found["scale"] if (e["unit"], e["condition"]) == ("SK_3_1", "zoom 2.0"))
    assert entry["change"] == pytest.approx(change.mean())
    assert entry["d"] == pytest.approx(change.mean() / change.std(ddof=1))
    assert entry["rising"] == pytest.approx((change > 0).mean())
    blurred = show(model, pictures, 2.0, "blur")
    beyond = (zoomed.differences - blurred.differences)[:, 1]
    entry = next(e for e in found["scale"] if (e["unit"], e["condition"]) == ("SK_3_1", BEYOND))
    assert entry["change"] == pytest.approx(beyond.mean())


def test_the_question_is_asked_again_with_smaller_inputs(model, folder):
    pictures = read_labelled(folder)
    found = judge(model, pictures, progress=lambda _: None)
    assert found["asked_at"] == 64  # the model's own
    assert list(found["scale_by_input"]) == ["48"]
    small = replace(model, preprocessing=replace(model.preprocessing, input_size=48))
    change = show(small, pictures, 2.0).differences - show(small, pictures, 1.0).differences
    entries = {(e["unit"], e["condition"]): e for e in found["scale_by_input"]["48"]}
    for column, unit in enumerate(model.units):
        entry = entries[unit.name, "zoom 2.0"]
        assert entry["change"] == pytest.approx(change[:, column].mean())


def test_held_at_the_mean_is_the_same_network_with_those_weights(model, folder):
    pictures = read_labelled(folder)
    found = judge(model, pictures, progress=lambda _: None)
    plain = show(model, pictures, 1.0)
    means = {
        unit.name: weights.mean(axis=0)
        for unit, weights in zip(model.units, plain.weights, strict=True)
    }
    held = show(model, pictures, 1.0, held=held_weights(model.units, means))
    right = (held.logits.argmax(axis=1) == pictures.labels).mean()
    assert found["choice"]["imagefolder"]["held_at_mean"]["share"] == pytest.approx(right)


def test_each_source_is_held_at_its_own_mean(model, folder, monkeypatch):
    """Held at the mean of both, the cost of another source's look is counted for the choice."""
    held = []

    def record(*args, **options):
        held.append(options.get("held"))
        return show(*args, **options)

    monkeypatch.setattr(module, "show", record)
    pictures = read_labelled(folder)
    sources = [pictures.classes[label] for label in pictures.labels]
    found = judge(model, replace(pictures, sources=sources), progress=lambda _: None)
    held = [weights for weights in held if weights is not None]
    assert list(found["choice"]) == sorted(pictures.classes)
    for source, given in zip(found["choice"], held, strict=True):
        own = show(model, pictures.subset(np.flatnonzero(np.array(sources) == source)), 1.0)
        for unit, weights in zip(model.units, own.weights, strict=True):
            np.testing.assert_allclose(given[unit.name][0], weights.mean(axis=0), atol=1e-6)


def test_an_object_of_half_size_stands_in_a_border(model, folder):
    from sk_viz.pictures import read_picture
    from sk_viz.training.judging.judge import _view

    view = _view(model, 0.5, "zoom", read_picture(read_labelled(folder).encoded[0])).rgb
    assert view.shape == (64, 64, 3)
    border = np.round(np.array(model.preprocessing.mean) * 255)
    assert (view[:16] == border).all()
    assert not (view[16:48, 16:48] == border).all()


def test_the_question_is_asked_where_the_zoom_brings_detail(model, folder):
    pictures = read_labelled(folder)
    large = replace(model, preprocessing=replace(model.preprocessing, input_size=96))
    found = judge(large, pictures, progress=lambda _: None)
    assert found["asked_at"] == 80
    assert list(found["scale_by_input"]) == ["48", "64", "96"]
    for side, effects in (("80", found["scale"]), ("96", found["scale_by_input"]["96"])):
        shown = replace(model, preprocessing=replace(model.preprocessing, input_size=int(side)))
        change = show(shown, pictures, 2.0).differences - show(shown, pictures, 1.0).differences
        entries = {(e["unit"], e["condition"]): e for e in effects}
        for column, unit in enumerate(model.units):
            entry = entries[unit.name, "zoom 2.0"]
            assert entry["change"] == pytest.approx(change[:, column].mean())
