"""The end of a network once more, on views of pictures and photographs that are drawn once."""

from dataclasses import replace

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch

from sk_viz.errors import ModelError, PictureError
from sk_viz.training.data.photographs import Group
from sk_viz.training.recipe import Collected, Refinement
from sk_viz.training.refine import refine
from sk_viz.zoo.bundled import ClassName, load_bundled, save_bundled
from sk_viz.zoo.load import load_model

RECIPE = Refinement(
    first="SK_3_1",
    size=32,
    blocks=2,
    block=16,
    steps=6,
    batch=8,
    warmup=2,
    rate=1e-2,
    shown_only=False,
    collections=(Collected("imagefolder", share=0.5, weight=1.0),),
    photographs=(
        Group("walks", labelled=True, share=0.3, weight=1.0, held_out=0.5),
        Group("walks", labelled=False, share=0.2, weight=0.5, held_out=0.0),
    ),
)
CLASSES = ("blue things", "green things")


@pytest.fixture
def start(model, tmp_path):
    names = [ClassName(name) for name in CLASSES]
    save_bundled(tmp_path / "start", model.network, model.preprocessing, names, "Random.")
    return tmp_path / "start"


def _refine(start, folder, photographs, out, recipe=RECIPE, **options):
    return refine(start, folder, photographs, out, recipe, validation=0.25, **options)


def test_only_the_last_stage_moves_and_it_learns(start, folder, photographs, tmp_path):
    losses = []
    recipe = replace(RECIPE, steps=40, own=0.0, toward=1.0)
    kept = _refine(
        start, folder, photographs, tmp_path / "out", recipe, report=lambda p: losses.append(p.loss)
    )
    assert np.mean(losses[-8:]) < np.mean(losses[:8])
    before, after = (load_bundled(path).network.state_dict() for path in (start, kept))
    moved = {name for name in before if not torch.equal(before[name], after[name])}
    assert moved
    assert all(name.startswith(("blocks.SK_3_1.", "head.")) for name in moved)
    assert not any("running" in name for name in moved)
    assert load_model(kept, "cpu").classes == CLASSES


def test_a_refinement_that_was_stopped_goes_on_to_the_same_weights(
    start, folder, photographs, tmp_path
):
    whole = _refine(start, folder, photographs, tmp_path / "whole")

    def stop(progress):
        if progress.step == 4:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        _refine(start, folder, photographs, tmp_path / "cut", report=stop, save_seconds=0)
    steps = []
    cut = _refine(
        start, folder, photographs, tmp_path / "cut", report=lambda p: steps.append(p.step)
    )
    assert steps[0] == 4
    first, second = (load_bundled(path).network.state_dict() for path in (whole, cut))
    for name, value in first.items():
        torch.testing.assert_close(value, second[name], rtol=0, atol=0, msg=name)
    with pytest.raises(ModelError, match="other settings"):
        _refine(start, folder, photographs, tmp_path / "cut", replace(RECIPE, rate=1.0))


def test_what_is_kept_lies_between_the_weights_before_and_the_average(
    start, folder, photographs, tmp_path
):
    kept = {
        toward: load_bundled(
            _refine(start, folder, photographs, tmp_path / name, replace(RECIPE, toward=toward))
        ).network.state_dict()
        for name, toward in (("none", 0.0), ("part", 0.25), ("all", 1.0))
    }
    for name, value in kept[0.25].items():
        between = torch.lerp(kept[0.0][name].double(), kept[1.0][name].double(), 0.25)
        torch.testing.assert_close(value.double(), between, rtol=1e-4, atol=1e-6, msg=name)
    before = load_bundled(start).network.state_dict()
    torch.testing.assert_close(kept[0.0]["head.weight"], before["head.weight"])
    assert not torch.equal(kept[1.0]["head.weight"], before["head.weight"])


def test_the_head_alone_leaves_every_branch_weight_and_the_rows_of_what_no_photograph_shows(
    start, folder, photographs, tmp_path
):
    table = pq.read_table(photographs / "walks.parquet").to_pydict()
    table["label"] = [1 if label >= 0 else -1 for label in table["label"]]
    pq.write_table(pa.table(table), photographs / "walks.parquet")
    recipe = replace(RECIPE, first="head", shown_only=True)
    kept = _refine(start, folder, photographs, tmp_path / "out", recipe)
    before, after = (load_bundled(path).network.state_dict() for path in (start, kept))
    moved = {name for name in before if not torch.equal(before[name], after[name])}
    assert moved == {"head.weight", "head.bias"}
    assert torch.equal(before["head.weight"][0], after["head.weight"][0])
    assert not torch.equal(before["head.weight"][1], after["head.weight"][1])


def test_blocks_come_in_turn_each_before_any_again():
    from sk_viz.training.refine import _batch, _block_of, _drawn_block

    recipe = replace(RECIPE, blocks=4, steps=100)
    turns = [_drawn_block(_block_of(step, recipe), recipe) for step in range(0, 16, 2)]
    assert sorted(turns[:4]) == sorted(turns[4:]) == [0, 1, 2, 3]
    rows = np.concatenate([_batch(16, step, recipe) for step in (6, 7)])
    assert sorted(rows.tolist()) == list(range(16))


def test_a_source_without_pictures_is_refused(start, folder, photographs, tmp_path):
    recipe = replace(RECIPE, collections=(Collected("elsewhere", share=0.5, weight=1.0),))
    with pytest.raises(PictureError, match="no pictures of 'elsewhere'"):
        _refine(start, folder, photographs, tmp_path / "out", recipe)
