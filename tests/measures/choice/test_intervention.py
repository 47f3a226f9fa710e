from __future__ import annotations

import json
import threading

import numpy as np
import pytest
import torch

import sk_viz
from sk_viz.errors import ModelError, PictureError, ScaleError
from sk_viz.measures.choice.intervention import intervene, which_choice_mattered
from sk_viz.measures.sweep.run import sweep
from sk_viz.pictures import normalise, stimuli


def tensor_of(model, picture, scale=1.0):
    (shown,) = stimuli(picture, (scale,), "zoom", model.preprocessing)
    return torch.from_numpy(normalise(shown.rgb, model.preprocessing))[None]


def one_hot(unit, branch):
    weights = torch.zeros(1, len(unit.kernels), unit.channels)
    weights[:, branch] = 1
    return weights


def test_before_and_after_are_the_networks_own_answers(tiny_model, noise_picture):
    effect = sk_viz.intervene(tiny_model, noise_picture, weights={"SK_3_1": "largest"}, scale=1.5)
    x = tensor_of(tiny_model, noise_picture, 1.5)
    unit = tiny_model.units[1]
    with torch.no_grad():
        before = tiny_model.network(x)
        after, _ = tiny_model.network.forward_with_weights(x, {"SK_3_1": one_hot(unit, 1)})
    assert effect.change == pytest.approx((after - before)[0].numpy(), abs=1e-6)
    assert np.abs(effect.change).max() > 1e-4
    for table, logits in ((effect.before, before), (effect.after, after)):
        top = logits.softmax(1)[0].topk(5)
        assert table["label"].tolist() == top.indices.tolist()
        assert table["probability"].to_numpy() == pytest.approx(top.values.numpy(), rel=1e-5)
        assert list(table) == ["scale", "rank", "label", "name", "probability"]
        assert set(table["scale"]) == {1.5}


def test_a_units_own_weights_change_nothing(tiny_model, noise_picture):
    swept = sweep(tiny_model, noise_picture, scales=(1.0, 1.5))
    effect = intervene(tiny_model, noise_picture, {"all": (swept, 1.5)}, scale=1.5)
    assert np.abs(effect.change).max() < 1e-5
    other = intervene(tiny_model, noise_picture, {"all": (swept, 1.0)}, scale=1.5)
    assert np.abs(other.change).max() > 1e-5


def test_units_after_the_held_one_choose_anew(make_model, noise_picture):
    model = make_model(depths=(1, 2))
    swept = sweep(model, noise_picture, scales=(1.0,))
    free = intervene(model, noise_picture, {"SK_2_1": "largest"})
    later = dict.fromkeys(("SK_3_1", "SK_3_2"), (swept, 1.0))
    frozen = intervene(model, noise_picture, {"SK_2_1": "largest", **later})
    assert not np.allclose(free.change, frozen.change)


def test_the_model_stays_exactly_as_it_was_also_after_an_exception(tiny_model, noise_picture):
    state = {k: v.clone() for k, v in tiny_model.network.state_dict().items()}
    x = tensor_of(tiny_model, noise_picture)
    with torch.no_grad():
        expected = tiny_model.network(x)
    intervene(tiny_model, noise_picture, {"all": "equal"})
    with pytest.raises(RuntimeError, match="stop"):
        which_choice_mattered(tiny_model, noise_picture, progress=_stop)
    with torch.no_grad():
        assert torch.equal(tiny_model.network(x), expected)
    assert not any(m._forward_hooks for m in tiny_model.network.modules())
    assert all(torch.equal(state[k], v) for k, v in tiny_model.network.state_dict().items())


def _stop(done, total):
    raise RuntimeError("stop")


def test_other_threads_never_see_it(tiny_model, noise_picture):
    x = tensor_of(tiny_model, noise_picture)
    with torch.inference_mode():
        expected = tiny_model.network(x)
    seen, done = [], threading.Event()

    def another_user():
        with torch.inference_mode():
            while not done.is_set():
                seen.append(torch.equal(tiny_model.network(x), expected))

    thread = threading.Thread(target=another_user)
    thread.start()
    try:
        for _ in range(20):
            intervene(tiny_model, noise_picture, {"all": "largest"})
    finally:
        done.set()
        thread.join()
    assert seen
    assert all(seen)


def test_the_map_holds_one_unit_at_a_time(three_branch_model, noise_picture):
    found = which_choice_mattered(three_branch_model, noise_picture, ("largest", "equal"))
    assert len(found.table) == 2 * len(three_branch_model.units)
    assert found.name == three_branch_model.classes[found.label]
    for row in found.table.itertuples():
        effect = intervene(three_branch_model, noise_picture, {row.unit: row.intervention})
        assert effect.before["label"][0] == found.label
        assert effect.before["probability"][0] == pytest.approx(found.probability, rel=1e-5)
        assert row.logit_change == pytest.approx(effect.change[found.label], abs=1e-5)
        assert row.label == effect.after["label"][0]
        assert row.name == effect.after["name"][0]
        now = effect.after.loc[effect.after["label"] == found.label, "probability"]
        if len(now):
            assert row.probability_change == pytest.approx(
                float(now.iloc[0]) - found.probability, abs=1e-5
            )


def test_the_record_makes_it_again(tiny_model, noise_picture):
    effect = intervene(
        tiny_model,
        noise_picture,
        {"SK_2_1": [0.25, 0.75], "stage 3": "smallest"},
        scale=1.25,
        point=(0.4, 0.6),
    )
    record = json.loads(json.dumps(effect.to_json(), allow_nan=False))["record"]
    again = intervene(
        tiny_model,
        noise_picture,
        record["held"],
        scale=record["scales"][0],
        protocol=record["protocol"],
        point=tuple(record["point"]),
    )
    assert np.array_equal(effect.change, again.change)
    assert record["measure"] == "intervention"
    assert record["picture_sha256"] == noise_picture.sha256


def test_bad_input_is_one_sentence(tiny_model, noise_picture):
    with pytest.raises(ModelError, match="no unit or stage"):
        intervene(tiny_model, noise_picture, {"SK_7_7": "largest"})
    with pytest.raises(ScaleError):
        intervene(tiny_model, noise_picture, {"all": "equal"}, scale=0.5)
    with pytest.raises(PictureError):
        intervene(tiny_model, noise_picture, {"all": "equal"}, protocol="object")
    for kinds in ((), ("equal", "equal")):
        with pytest.raises(ModelError, match="each once"):
            which_choice_mattered(tiny_model, noise_picture, kinds)
    with pytest.raises(ModelError, match="no choice"):
        which_choice_mattered(tiny_model, noise_picture, ("live",))
