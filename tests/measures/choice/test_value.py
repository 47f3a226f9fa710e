from __future__ import annotations

import json

import numpy as np
import pytest
import torch

from sk_viz.errors import PictureError, ScaleError
from sk_viz.measures.choice.value import value_of_choice
from sk_viz.measures.statistics import wilson_interval
from sk_viz.pictures import Picture, normalise, stimuli

SCALES = (1.0, 1.5)


@pytest.fixture(scope="module")
def model(make_model):
    """One whose answers differ between pictures and hang on the choice."""
    model = make_model(seed=5)
    network = model.network.requires_grad_(False)
    for block in network.blocks.values():
        block.sk.select.weight.mul_(100)
    # Without what all pictures share, the answers hang on what differs between them.
    network.head.bias.sub_(network(torch.randn(64, 3, 32, 32)).mean(0))
    return model


@pytest.fixture(scope="module")
def labelled(model) -> list[tuple[Picture, int]]:
    """Random colours and contrasts, most of them under the class that the model gives them."""
    rng = np.random.default_rng(0)
    pictures = []
    for i in range(11):
        blocks = rng.uniform(0, 256, 3) + rng.uniform(0, 128) * rng.normal(size=(8, 8, 3))
        pixels = np.kron(blocks.clip(0, 255), np.ones((6, 6, 1))).astype(np.uint8)
        picture = Picture(pixels, f"{i:064x}", f"{i}.png", "PNG")
        label = int(run(model, picture, 1.0)[0].argmax())
        pictures.append((picture, label if i % 4 else (label + 1) % 7))
    return pictures


def run(model, picture, scale, held=None):
    (shown,) = stimuli(picture, (scale,), "zoom", model.preprocessing)
    x = torch.from_numpy(normalise(shown.rgb, model.preprocessing))[None]
    with torch.no_grad():
        return model.network.forward_with_weights(x, held)


def by_hand(model, labelled, scales):
    """Every picture alone: what is right with live weights, own 1.0x weights, and the mean."""

    names = [u.name for u in model.units]
    read = {(i, s): run(model, p, s) for i, (p, _) in enumerate(labelled) for s in scales}
    mean = {
        name: torch.cat([weights[k] for _, weights in read.values()]).mean(0, keepdim=True)
        for k, name in enumerate(names)
    }
    right = {"live": [], "held at 1.0x": [], "held at mean": []}
    for picture, label in labelled:
        own = dict(zip(names, run(model, picture, 1.0)[1], strict=True))
        held = {"live": None, "held at 1.0x": own, "held at mean": mean}
        for kind, weights in held.items():
            right[kind].append(
                [int(run(model, picture, s, weights)[0].argmax()) == label for s in scales]
            )
    return {kind: np.array(rows) for kind, rows in right.items()}, mean


def test_it_is_what_one_gets_by_hand(model, labelled):
    found = value_of_choice(model, labelled, SCALES, batch_size=4)
    right, mean = by_hand(model, labelled, SCALES)
    assert len(found.table) == 6
    for row in found.table.itertuples():
        column = right[row.weights][:, SCALES.index(row.scale)]
        live = right["live"][:, SCALES.index(row.scale)]
        assert row.n == 11
        assert row.accuracy == pytest.approx(column.mean())
        assert (row.low, row.high) == pytest.approx(wilson_interval(column.sum(), 11))
        if row.weights == "live":
            assert np.isnan([row.loss, row.loss_low, row.loss_high]).all()
        else:
            assert row.loss == pytest.approx(live.mean() - column.mean())
            assert row.loss_low <= row.loss <= row.loss_high
    for name, weights in found.mean_weights.items():
        assert weights == pytest.approx(mean[name][0].numpy(), abs=1e-6)
    assert len({tuple(r.ravel()) for r in right.values()}) > 1


def test_at_scale_one_the_own_weights_lose_nothing(model, labelled):
    table = value_of_choice(model, labelled, SCALES).table
    row = table[(table["weights"] == "held at 1.0x") & (table["scale"] == 1.0)].iloc[0]
    assert (row["loss"], row["loss_low"], row["loss_high"]) == (0, 0, 0)


def test_the_own_weights_need_no_scale_one_among_the_scales(model, labelled):
    both = value_of_choice(model, labelled, (1.0, 2.0)).table
    alone = value_of_choice(model, labelled, (2.0,)).table
    kinds = ["live", "held at 1.0x"]

    def accuracies(table):
        rows = table[(table["scale"] == 2.0) & table["weights"].isin(kinds)]
        return rows["accuracy"].tolist()

    assert accuracies(both) == accuracies(alone)


def test_batches_and_seeds(model, labelled):
    one, other = (value_of_choice(model, labelled, SCALES, batch_size=b) for b in (1, 11))
    assert one.table.equals(other.table)
    assert one.record["picture"] == "11 labelled pictures"
    assert one.record["picture_sha256"] == other.record["picture_sha256"]
    swapped = [(labelled[0][0], (labelled[0][1] + 1) % 7), *labelled[1:]]
    assert (
        value_of_choice(model, swapped, SCALES).record["picture_sha256"]
        != one.record["picture_sha256"]
    )
    json.dumps(one.record, allow_nan=False)


def test_progress_covers_both_passes(model, labelled):
    seen = []
    value_of_choice(
        model, labelled, (1.0,), batch_size=6, progress=lambda done, of: seen.append((done, of))
    )
    assert seen == [(6, 22), (11, 22), (17, 22), (22, 22)]


def test_bad_input_is_one_sentence(model, labelled):
    with pytest.raises(PictureError, match="give them as a list"):
        value_of_choice(model, (pair for pair in labelled))
    with pytest.raises(PictureError, match="at least one"):
        value_of_choice(model, [])
    with pytest.raises(PictureError, match="label 7, which is no class of tiny_random"):
        value_of_choice(model, [(labelled[0][0], 7)])
    with pytest.raises(ScaleError):
        value_of_choice(model, labelled, (0.5,))
