import numpy as np
import pytest
import torch

from sk_viz.networks.bundled import ClassName
from sk_viz.networks.sknet import SKNet, SKNetConfig
from sk_viz.networks.zoo import as_model
from sk_viz.preprocessing import Preprocessing
from sk_viz.training.card import Made, render
from sk_viz.training.data import read_labelled
from sk_viz.training.judge import OBJECT_SIZES, calibration, judge, show


@pytest.fixture(scope="module")
def model():
    torch.manual_seed(0)
    network = SKNet(
        SKNetConfig(
            depths=(1, 1),
            unit_widths=(8, 16),
            out_widths=(16, 24),
            stem_width=8,
            stem="small",
            groups=2,
            min_features=4,
            classes=2,
        )
    )
    network.wake()
    return as_model(
        network,
        id="random",
        preprocessing=Preprocessing(64, 1.0),
        classes=[ClassName("blue things"), ClassName("green things")],
        kind="untrained",
        note="Random.",
        device=torch.device("cpu"),
    )


def test_the_findings_say_what_a_direct_forward_says(model, folder):
    pictures = read_labelled(folder)
    found = judge(model, pictures, progress=lambda _: None)
    seen = show(model, pictures, 1.0)
    right = (seen.logits.argmax(axis=1) == pictures.labels).mean()
    assert found["accuracy"]["folder"]["top1"]["share"] == pytest.approx(right)
    assert found["accuracy"]["folder"]["top5"]["share"] == 1  # of two classes
    assert found["choice"]["folder"]["live"]["share"] == pytest.approx(right)
    assert list(found["object_size"]["folder"]) == [str(size) for size in OBJECT_SIZES]
    zoomed = show(model, pictures, 2.0)
    change = (zoomed.differences - seen.differences)[:, 1]
    entry = next(e for e in found["scale"] if (e["unit"], e["condition"]) == ("SK_3_1", "zoom 2.0"))
    assert entry["change"] == pytest.approx(change.mean())
    assert entry["d"] == pytest.approx(change.mean() / change.std(ddof=1))
    assert entry["rising"] == pytest.approx((change > 0).mean())


def test_an_object_of_half_size_stands_in_a_border(model, folder):
    from sk_viz.pictures import read_picture
    from sk_viz.training.judge import _view

    view = _view(model, read_picture(read_labelled(folder).encoded[0]), 0.5, "zoom").rgb
    assert view.shape == (64, 64, 3)
    border = np.round(np.array(model.preprocessing.mean) * 255)
    assert (view[:16] == border).all()
    assert not (view[16:48, 16:48] == border).all()


def test_calibration_of_what_is_known():
    """Answers of probability 0.9 that are right in 9 of 10 cases are calibrated."""
    logits = np.tile([[np.log(9.0), 0.0]], (10, 1)).astype(np.float32)
    labels = np.array([0] * 9 + [1])
    assert calibration(logits, labels)["error"] == pytest.approx(0, abs=1e-6)
    assert calibration(logits, 1 - labels)["error"] == pytest.approx(0.8, abs=1e-6)


def test_the_card_holds_the_findings(model, folder):
    pictures = read_labelled(folder)
    found = judge(model, pictures, progress=lambda _: None)
    from dataclasses import asdict

    from sk_viz.training.train import Recipe

    made = Made(
        id="tiny",
        parameters=1234567,
        macs=5_000_000,
        input_size=32,
        sha256="abc",
        file_bytes=1_500_000,
        training={"folder": 40},
        validation={"folder": 8},
        recipe=asdict(Recipe()),
        hours=1.5,
        log=[{"step": 1, "seconds": 1.0, "loss": 2.0, "top1_folder": 0.5}],
        starts=[(0, 9), (4, 6)],
        machine="a test",
    )
    text = render(made, found)
    share = found["accuracy"]["folder"]["top1"]["share"]
    assert f"{share:.1%}" in text
    assert "1,234,567 parameters" in text
    assert "SK_3_1" in text
    assert "from step 4 towards 6" in text
    assert "blue things" in text
