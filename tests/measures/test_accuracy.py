import json
import shutil
import threading

import cv2
import numpy as np
import pytest
import torch

from sk_viz.datasets.labelled import read_labelled
from sk_viz.errors import ModelError, PictureError
from sk_viz.measures import accuracy as module
from sk_viz.measures.accuracy import Answers, evaluate
from sk_viz.measures.reading import read
from sk_viz.networks.sknet import SKNet, SKNetConfig
from sk_viz.preprocessing import Preprocessing
from sk_viz.zoo.classes import imagenet_classes
from sk_viz.zoo.model import as_model


@pytest.fixture(scope="module")
def imagenet_model():
    """An untrained network with the classes of ImageNet-1k."""
    torch.manual_seed(0)
    network = SKNet(
        SKNetConfig((1, 1), (8, 16), (16, 24), 8, "small", groups=2, min_features=4, classes=1000)
    )
    network.wake()
    return as_model(
        network,
        id="random",
        preprocessing=Preprocessing(32, 0.875),
        classes=imagenet_classes(),
        kind="untrained",
        note="Random.",
        device=torch.device("cpu"),
    )


def test_an_image_folder_named_by_wordnet_ids_is_mapped_to_imagenet(
    folder, tmp_path, imagenet_model
):
    shutil.copytree(folder / "blue things", tmp_path / "n02123045")  # tabby
    shutil.copytree(folder / "green things", tmp_path / "n01440764")  # tench
    shutil.copytree(folder / "green things", tmp_path / "n99999999")  # no such class
    answers = evaluate(imagenet_model, tmp_path)
    assert np.bincount(answers.labels).nonzero()[0].tolist() == [0, 281]
    assert len(answers.labels) == 48
    assert answers.coverage.left_out.counts == {"label unknown to the model": 24}
    assert answers.logits.shape == (48, 1000)


def test_a_broken_picture_is_named_and_the_others_are_judged(folder, tmp_path, model):
    shutil.copytree(folder / "blue things", tmp_path / "blue things")
    broken, *others = sorted((tmp_path / "blue things").iterdir())
    broken.write_bytes(broken.read_bytes()[:40])
    answers = evaluate(model, tmp_path)
    assert len(answers.labels) == len(answers.logits) == len(others)
    coverage = answers.coverage
    assert (coverage.found, coverage.measured) == (len(others) + 1, len(others))
    ((name, why),) = coverage.left_out.names["unreadable"]
    assert name == f"blue things/{broken.name}"
    assert "PNG" in why
    for file in others:
        file.write_bytes(b"no picture")
    with pytest.raises(PictureError, match="None of the 24 pictures"):
        evaluate(model, tmp_path)


def test_the_answers_are_those_of_a_forward_by_hand(folder, model):
    answers = evaluate(model, folder)
    file = sorted((folder / "green things").rglob("*"))[0]
    pixels = cv2.imread(str(file), cv2.IMREAD_COLOR_RGB)[:, 4:44]  # the central square
    shown = cv2.resize(pixels, (64, 64), interpolation=cv2.INTER_CUBIC)
    assert answers.labels[24] == 1
    from sk_viz.pictures import read_picture, stimuli

    exact = stimuli(read_picture(file), (1.0,), "zoom", model.preprocessing)[0].rgb
    assert np.abs(exact.astype(int) - shown).mean() < 12  # another filter of the same square
    mean, std = np.array(model.preprocessing.mean), np.array(model.preprocessing.std)
    tensor = torch.tensor((exact / 255 - mean) / std).permute(2, 0, 1)[None].float()
    with torch.no_grad():
        expected = model.network(tensor)[0].numpy()
    np.testing.assert_allclose(answers.logits[24], expected, atol=1e-4)


def test_a_limit_takes_pictures_of_all_of_the_source(folder, model):
    told = []
    answers = evaluate(model, folder, limit=10, progress=lambda *now: told.append(now))
    assert np.bincount(answers.labels).tolist() == [5, 5]
    assert told == [(10, 10)]
    with pytest.raises(ModelError, match="at least 1"):
        evaluate(model, folder, limit=0)


def test_a_source_without_a_class_of_the_model_is_refused(folder, imagenet_model):
    with pytest.raises(ModelError, match="knows none of the classes of this source"):
        evaluate(imagenet_model, folder)


def test_the_summary_counts_by_hand():
    logits = np.eye(7, dtype=np.float32)[[0, 1, 2, 3]] * 5
    logits[:, 6] -= 1
    summary = Answers(logits, np.array([0, 1, 0, 6])).summary()
    assert (summary["top1"], summary["top5"], summary["n"]) == (0.5, 0.75, 4)
    assert summary["top1_interval"] == pytest.approx((0.15, 0.85), abs=0.01)
    sure = np.exp(5) / (np.exp(5) + 5 + np.exp(-1))
    assert summary["calibration_error"] == pytest.approx(sure - 0.5, abs=1e-5)
    json.dumps(summary)


def test_the_next_block_is_decoded_while_the_network_reads(folder, model, monkeypatch):
    pictures = read_labelled(folder)
    monkeypatch.setattr(module, "_BLOCK", 8)
    begun = threading.Event()
    walked = []
    plain = module.plain_view(model)

    def view(picture):
        walked.append(picture)
        if len(walked) > 8:
            begun.set()
        return plain(picture)

    def wait_and_read(*args, **options):
        assert begun.wait(60)
        return read(*args, **options)

    monkeypatch.setattr(module, "read", wait_and_read)
    found = list(module.read_in_blocks(model, pictures, view))
    monkeypatch.setattr(module, "_BLOCK", len(pictures))
    (whole,) = module.read_in_blocks(model, pictures, plain)
    np.testing.assert_allclose(
        np.concatenate([reading.logits for reading in found]), whole.logits, atol=1e-5
    )
    assert len(walked) == len(pictures)


def test_the_reading_is_told_how_many_pictures_there_are(folder, model, monkeypatch):
    """By that it decides whether an engine of a small network pays."""
    told = []

    def engine_of(*_args, pictures, **_options):
        told.append(pictures)

    monkeypatch.setattr("sk_viz.measures.reading.engine_of", engine_of)
    evaluate(model, folder)
    assert told == [48]
