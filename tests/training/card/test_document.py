import json
from dataclasses import replace

import pytest
import torch

from sk_viz.training.card.document import Refined, course, document
from sk_viz.training.card.recipe import Leg
from sk_viz.training.data.photographs import Group
from sk_viz.training.recipe import Collected, Recipe, Refinement
from sk_viz.zoo.bundled import ClassName, load_bundled, save_bundled
from sk_viz.zoo.load import load_model

RECIPE = replace(Recipe(), validation=0.5, steps=4)


@pytest.fixture
def run(model, tmp_path):
    """A finished run of an untrained network, continued with another aim."""
    names = [ClassName(name) for name in model.classes]
    save_bundled(tmp_path / "model", model.network, model.preprocessing, names, "Random.")
    lines = [
        {"started": 0, "steps": 9, "parts": 1},
        {"step": 2, "seconds": 1.0, "loss": 2.0, "top1_imagefolder": 0.5},
        {"started": 2, "steps": 4, "parts": 1},
        {"step": 4, "seconds": 2.0, "loss": 1.5, "top1_imagefolder": 0.5},
    ]
    (tmp_path / "log.jsonl").write_text("\n".join(map(json.dumps, lines)))
    return tmp_path


@pytest.fixture
def documented(run, folder):
    before = load_bundled(run / "model").network.eval()
    document(run, folder, RECIPE, strangers=folder, progress=lambda _: None)
    return run, before


def test_the_temperature_is_in_the_weights_once(documented, folder):
    run, before = documented
    model = load_model(run / "model", "cpu")
    x = torch.randn(3, 3, 64, 64)
    with torch.no_grad():
        expected = before(x) / model.certainty.temperature
        expected -= expected.mean(dim=1, keepdim=True)
        torch.testing.assert_close(model.network(x), expected, rtol=1e-4, atol=1e-5)
    document(run, folder, RECIPE, strangers=folder, progress=lambda _: None)
    again = load_model(run / "model", "cpu")
    assert again.sha256 == model.sha256
    assert again.certainty.temperature == model.certainty.temperature
    assert again.certainty.unknown.kept == model.certainty.unknown.kept
    assert again.certainty.unknown.threshold == pytest.approx(
        model.certainty.unknown.threshold, rel=1e-5
    )


def test_the_card_holds_what_was_found(documented):
    run, _ = documented
    model = load_model(run / "model", "cpu")
    found = json.loads((run / "model" / "findings.json").read_text())
    card = (run / "model" / "MODEL_CARD.md").read_text()
    assert model.sha256 in card
    assert f"{sum(p.numel() for p in model.network.parameters()):,} parameters" in card
    top1 = found["accuracy"]["imagefolder"]["top1"]
    assert f"{top1['share']:.1%} [{top1['interval'][0]:.1%}, {top1['interval'][1]:.1%}]" in card
    assert "from step 0 towards 9, from step 2 towards 4" in card
    assert "--strangers DIR" in card
    effect = found["scale"][0]
    assert f"d {effect['d']:+.2f} [{effect['d_interval'][0]:+.2f}" in card
    again = found["scale_by_input"]["48"][0]
    assert "### Is it the input size" in card
    assert f"| {again['d']:+.2f} [{again['d_interval'][0]:+.2f}" in card
    assert f"temperature of {model.certainty.temperature:.3f}" in card
    assert "blue things" in card
    for section in ("Data", "Recipe", "By class", "The sample pictures of this project"):
        assert f"## {section}\n" in card
    # The strangers are the very pictures that it knows: no rule can tell them.
    assert not model.certainty.unknown.proven
    assert "the app says nothing of it" in card
    coffee = next(row for row in found["samples"] if row["title"] == "Cup of coffee")
    assert coffee["answer"] in model.classes
    assert coffee["right"] is False
    assert f"| Cup of coffee | zoom 1.0 | espresso | {coffee['answer']} |" in card


def test_the_card_tells_the_rounds_of_a_run(run, folder):
    mixing = replace(RECIPE.augmentation, crop=(0.4, 2.5), turn_share=0.25, mix_share=0.75)
    second = replace(RECIPE, rate=1e-3, augmentation=mixing, after=RECIPE, afresh=True)
    document(run, folder, second, progress=lambda _: None)
    card = (run / "model" / "MODEL_CARD.md").read_text()
    assert "`python -m sk_viz train --data DIR --out DIR --seed 0`" in card
    assert "\n8 steps of 128 pictures" in card
    assert "| 4 | 0.004, after a warm-up of 400 |" in card
    assert "| 4 | 0.001, after a warm-up of 400 |" in card
    assert "| 4 | 0.45 to 2.2 | ±25% | 35% | 0% | 0% | 0% | 0% | 0% |" in card
    assert "| 4 | 0.4 to 2.5 | ±25% | 35% | 0% | 0% | 0% | 25% | 75% |" in card
    assert "Round 2 begins from the averaged weights" in card


def test_the_card_tells_a_refinement_and_how_photographs_are_answered(run, folder, photographs):
    refinement = Refinement(
        steps=4,
        collections=(Collected("imagefolder", share=0.7, weight=1.0),),
        photographs=(
            Group("walks", labelled=True, share=0.2, weight=1.0, held_out=0.5),
            Group("walks", labelled=False, share=0.1, weight=0.5, held_out=0.6),
        ),
    )
    refined = Refined(refinement, photographs, "f00d")
    document(run, folder, RECIPE, folder, progress=lambda _: None, refined=refined)
    card = (run / "model" / "MODEL_CARD.md").read_text()
    found = json.loads((run / "model" / "findings.json").read_text())["photographs"]
    assert card.startswith("---\nlicense: ")
    assert "--photographs DIR --strangers DIR" in card
    assert "from the weights with the sha256 `f00d`" in card
    assert "| walks | 20% | 1 | 50% |" in card
    assert "| walks, other things | 10% | 0.5 | 60% |" in card
    assert "| 4 | 0.004, after a warm-up of 400 |" in card
    walks = found["sources"]["walks"]["top1"]
    assert f"| walks | {walks['share']:.1%} [" in card
    assert 0 < walks["n"] < 10
    assert found["kinds"] == []  # neither kind may be one of the two classes
    assert load_model(run / "model", "cpu").certainty.unknown.kept.n == walks["n"]


def test_without_strangers_nothing_is_claimed(run, folder):
    document(run, folder, RECIPE, progress=lambda _: None)
    assert load_model(run / "model", "cpu").certainty.unknown is None
    card = (run / "model" / "MODEL_CARD.md").read_text()
    assert "the app never says so" in card
    assert "--strangers" not in card


def test_what_was_done_again_is_not_in_the_course(tmp_path):
    before = [
        {"started": 0, "steps": 9, "parts": 1},
        {"step": 3, "loss": 1},
        {"step": 6, "loss": 1},
    ]
    own = [
        {"started": 3, "steps": 20, "parts": 1},
        {"step": 5, "loss": 2},
        {"started": 5, "steps": 20, "parts": 2},
    ]
    (tmp_path / "log_before.jsonl").write_text("\n".join(map(json.dumps, before)))
    (tmp_path / "log.jsonl").write_text("\n".join(map(json.dumps, own)))
    log, starts = course(tmp_path)
    assert [(entry["step"], entry["loss"]) for entry in log] == [(3, 1), (5, 2)]
    assert starts == [Leg(0, 9, 1), Leg(3, 20, 1), Leg(5, 20, 2)]
