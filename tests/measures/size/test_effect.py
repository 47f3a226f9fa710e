from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
import torch
from torch import nn

import sk_viz
from sk_viz import ModelError, ScaleError
from sk_viz.measures.size.arms import CONTROLS, PARTS, WAYS
from sk_viz.measures.size.effect import NULL_DEVIATIONS, SizeEffect, _direction
from sk_viz.measures.size.nulls import Null, nulls
from sk_viz.pictures import Picture
from sk_viz.pictures.nulls import blobs, scale_free_noise


@pytest.fixture(scope="module")
def picture():
    """A picture with all the detail that a zoom to 2 can show at 32 px."""
    return scale_free_noise(5, 80)


@pytest.fixture(scope="module")
def effect(tiny_model, picture):
    return sk_viz.size_effect(tiny_model, picture, controls=tuple(WAYS))


def difference(model, picture, scale, protocol):
    found = sk_viz.sweep(model, picture, (scale,), protocol).differences
    return found["difference"].to_numpy()


def parts(effect, control):
    return effect.table[effect.table["control"] == control].set_index("unit")


def test_the_parts_add_up_to_the_total(effect):
    table = effect.table
    assert list(table.columns) == ["unit", "control", "total", *PARTS]
    np.testing.assert_allclose(table["total"], table[list(PARTS)].sum(axis=1), rtol=0, atol=1e-12)
    assert table.groupby("unit", observed=True)["total"].nunique().eq(1).all()


def test_the_total_is_what_a_sweep_finds(effect, tiny_model, picture):
    change = difference(tiny_model, picture, 2.0, "zoom") - difference(
        tiny_model, picture, 1.0, "zoom"
    )
    for control in WAYS:
        np.testing.assert_allclose(parts(effect, control)["total"], change, atol=1e-6)


def test_content_and_size_are_what_the_control_protocols_find(effect, tiny_model, picture):
    base, zoom, tile, centre, window = (
        difference(tiny_model, picture, scale, protocol)
        for scale, protocol in (
            (1.0, "zoom"),
            (2.0, "zoom"),
            (2.0, "tile"),
            (2.0, "centre"),
            (2.0, "window"),
        )
    )
    np.testing.assert_allclose(parts(effect, "tile")["content"], tile - base, atol=1e-6)
    np.testing.assert_allclose(parts(effect, "tile")["size"], zoom - tile, atol=1e-6)
    np.testing.assert_allclose(parts(effect, "window")["content"], centre - base, atol=1e-6)
    np.testing.assert_allclose(parts(effect, "window")["size"], window - centre, atol=1e-6)
    np.testing.assert_allclose(parts(effect, "window")["frame"], zoom - window, atol=1e-6)
    assert (parts(effect, "tile")["detail"] == 0).all()


def test_a_small_picture_loses_the_detail_that_blur_removes(tiny_model, noise_picture):
    small = Picture(np.ascontiguousarray(noise_picture.pixels[:32, :32]), "", "small", "PNG")
    found = sk_viz.size_effect(tiny_model, small, controls=("blur",))
    blurred = difference(tiny_model, small, 2.0, "blur")
    base = difference(tiny_model, small, 1.0, "zoom")
    np.testing.assert_allclose(parts(found, "blur")["detail"], blurred - base, atol=1e-6)
    assert found.record["detail_lost"] == 2.0
    assert "too few pixels" in found.record["notes"][0]


def test_noise_without_size_settles_nothing(tiny_model):
    for seed in range(4):
        settled = sk_viz.size_effect(tiny_model, scale_free_noise(seed, 96)).settled
        assert settled["direction"].tolist() == ["none", "none"]
        assert not settled["agree"].any()


def test_blobs_that_grow_are_settled_by_the_bundled_model_and_noise_is_not():
    model = sk_viz.load_model("sknet_tiny", "cpu")
    found = sk_viz.size_effect(model, blobs(3)).settled.set_index("unit")
    # Its first stage tells blobs by their size alone: no content changes.
    assert found.loc["SK_2_1", "direction"] == "smaller"
    assert found.loc["SK_2_1", "agree"]
    assert (sk_viz.size_effect(model, scale_free_noise(3)).settled["direction"] == "none").all()


def test_one_control_that_disagrees_unsettles():
    null = {c: Null(np.zeros(1), np.full(1, 0.01), 10_000) for c in CONTROLS}
    noise = np.full(1, 0.01)
    enough = 1.1 * NULL_DEVIATIONS * 0.01

    def verdict(*sizes):
        named = dict(zip(CONTROLS, ([size] for size in sizes), strict=True))
        return _direction({c: np.array(s) for c, s in named.items()}, null, noise)[0]

    assert verdict(enough, enough, enough) == 1
    assert verdict(-enough, -enough, -enough) == -1
    assert verdict(enough, -enough, enough) == 0
    assert verdict(enough, enough, 0.8 * enough) == 0
    # Sizes that only the null's own error makes large, and those within the picture's noise.
    null["tile"] = Null(np.full(1, enough), np.full(1, 0.01), 10_000)
    assert verdict(enough, enough, enough) == 0
    null["tile"] = null["blur"]
    noise[:] = enough
    assert verdict(enough, enough, enough) == 0


def test_the_null_is_measured_once(tiny_model, monkeypatch):
    first = nulls(tiny_model, 2.0, ("blur",))["blur"]
    monkeypatch.setattr("sk_viz.measures.size.nulls._measured", None)
    again = nulls(tiny_model, 2.0, ("blur",))["blur"]
    np.testing.assert_array_equal(first.mean, again.mean)


@pytest.mark.parametrize("ending", ["parquet", "json"])
def test_it_comes_back_from_a_file(effect, tmp_path, ending):
    path = effect.save(tmp_path / f"effect.{ending}")
    back = SizeEffect.load(path)
    for name in ("table", "noise", "null", "settled"):
        pd.testing.assert_frame_equal(
            getattr(back, name), getattr(effect, name), check_categorical=False
        )
    assert back.record == effect.record
    assert json.loads(json.dumps(effect.to_json()))["record"]["controls"] == list(WAYS)


def test_a_notebook_and_a_terminal_show_it(effect):
    assert "units settled" in effect._repr_html_()
    assert effect.record["scales"] == [1.0, 2.0]


def test_errors_are_one_sentence(tiny_model, picture):
    with pytest.raises(ScaleError, match="above 1"):
        sk_viz.size_effect(tiny_model, picture, 1.0)
    with pytest.raises(ScaleError, match="no control 'zoom'"):
        sk_viz.size_effect(tiny_model, picture, controls=("zoom",))


def test_the_window_says_where_a_gate_cannot_be_pooled(picture):
    class MaxPooled(nn.Module):
        def __init__(self):
            super().__init__()
            self.convs = nn.ModuleList(nn.Conv2d(3, 4, k, padding=k // 2) for k in (3, 5))
            self.fcs = nn.ModuleList(nn.Linear(4, 4) for _ in range(2))
            self.softmax = nn.Softmax(dim=1)
            self.head = nn.Linear(4, 2)

        def forward(self, x):
            maps = torch.stack([conv(x) for conv in self.convs], dim=1)
            z = maps.sum(dim=1).amax(dim=(2, 3))
            weights = self.softmax(torch.stack([fc(z) for fc in self.fcs], dim=1))
            return self.head((maps * weights[..., None, None]).sum(dim=1).mean(dim=(2, 3)))

    network = MaxPooled().eval()
    assert len(sk_viz.size_effect(network, picture, 1.5, controls=("tile",)).table) == 1
    with pytest.raises(ModelError, match="leave out the control window"):
        sk_viz.size_effect(network, picture, 1.5)
