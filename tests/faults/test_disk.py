"""A disk that is full or read-only while something is saved: one sentence, and nothing is lost."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
import streamlit as st

import sk_viz
from sk_viz.app.shared import checkpoint
from sk_viz.app.survey.start import store_zip
from sk_viz.cli import run
from sk_viz.errors import ModelError, PictureError
from sk_viz.figures.paper.animation import make_animation
from sk_viz.files import write_atomic, write_together
from sk_viz.networks.sknet import sknet_tiny
from sk_viz.publish.make import make_figure
from sk_viz.publish.report import make_report
from sk_viz.surveys import run_survey, shelf
from sk_viz.surveys.store import Store
from sk_viz.zoo.bundled import load_bundled, save_bundled
from sk_viz.zoo.checkpoints import saved

Contents = Callable[[Path], dict[str, bytes]]


def test_files_that_belong_together_are_all_new_or_all_old(tmp_path, contents: Contents, fault):
    names = [tmp_path / name for name in "abc"]
    write_together(dict.fromkeys(names, b"old"))
    before = contents(tmp_path)
    with fault(), pytest.raises(OSError, match=r"."):
        write_together({names[0]: b"new", names[1]: b"n" * 5000, names[2]: b"new"})
    assert contents(tmp_path) == before
    write_together(dict.fromkeys(names, b"new"))
    assert set(contents(tmp_path).values()) == {b"new"}


@pytest.mark.parametrize(
    "words",
    [
        ["sweep", "{picture}", "--out", "{out}.parquet"],
        ["sweep", "{picture}", "--out", "{out}.json"],
        ["sweep", "{picture}", "--out", "{out}.csv"],
        ["attribute", "{picture}", "--method", "saliency", "--out", "{out}.png"],
        ["attribute", "{picture}", "--method", "saliency", "--out", "{out}.npy"],
        ["rf", "{picture}", "--unit", "SK_2_1", "--out", "{out}.png"],
        ["figure", "heatmap", "{picture}", "--scales", "1,2", "--out", "{out}.svg"],
        ["figure", "film", "{picture}", "--scales", "1,2", "--out", "{out}.gif"],
        ["figure", "film", "{picture}", "--scales", "1,2", "--out", "{out}.mp4"],
    ],
    ids=lambda words: " ".join(words[:2]) + words[-1][5:],
)
def test_what_a_command_saves(
    words, tmp_path, model_folder, pictures, contents: Contents, fault, capsys
):
    """The file of the last time is as it was, nothing lies beside it, and the next time works."""
    values = {"picture": next(pictures.rglob("*.png")), "out": tmp_path / "made"}
    filled = [word.format(**values) for word in words] + ["--model", str(model_folder)]
    filled += ["--device", "cpu"]
    target = Path(next(word for word in filled if word.startswith(str(tmp_path))))
    target.write_bytes(b"of the last time")
    before = contents(tmp_path)
    with fault():
        assert run(filled) == 2
    said = capsys.readouterr().err.strip()
    assert len(said.splitlines()) == 1, said
    assert "written" in said
    assert contents(tmp_path) == before
    assert run(filled) == 0
    assert target.stat().st_size > 100


def test_a_survey_and_its_report(tmp_path, model_folder, pictures, contents: Contents, fault):
    out = tmp_path / "survey"
    survey = (str(model_folder), pictures, out, (1.0, 2.0), ("zoom",))

    class StopError(Exception):
        pass

    def stop(progress):
        if progress.done >= 8:
            raise StopError

    with pytest.raises(StopError):
        run_survey(*survey, part_size=4, device="cpu", progress=stop)
    before = contents(out)
    assert "part-000001.parquet" in before
    with fault(), pytest.raises(PictureError, match="give the same command again"):
        run_survey(*survey, device="cpu")
    assert contents(out) == before
    run_survey(*survey, device="cpu")
    assert Store(out).table().to_pandas()["position"].nunique() == 12
    make_report(out)
    before = contents(out)
    (out / "part-000002.parquet").unlink()  # so that the report would be another one
    with fault(), pytest.raises(PictureError, match="The report cannot be written"):
        make_report(out)
    assert {k: v for k, v in before.items() if k != "part-000002.parquet"} == contents(out)


def test_a_survey_that_cannot_even_begin(tmp_path, model_folder, pictures, fault, capsys):
    out = tmp_path / "survey"
    words = ["survey", str(pictures), "--out", str(out), "--model", str(model_folder)]
    with fault():
        assert run([*words, "--device", "cpu"]) == 2
    assert len(capsys.readouterr().err.strip().splitlines()) == 1
    assert not Store(out).exists
    assert run([*words, "--device", "cpu"]) == 0


def test_the_shelf_of_the_page(tmp_path, monkeypatch, fault):
    monkeypatch.setenv("SK_VIZ_CACHE", str(tmp_path))
    asked = shelf.SurveyRequest("x" * 500, "sknet_tiny", (1.0,), ("zoom",), None, "cpu")
    with shelf.new_folder() as folder:
        with fault(), pytest.raises(PictureError, match="cannot be stored"):
            shelf.keep(folder, "mine", asked)
        assert shelf.stored_surveys() == ()
        assert shelf.keep(folder, "mine", asked) == shelf.stored_surveys()[0]


def test_a_zip_that_does_not_fit(tmp_path, pictures, full_disk):
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for file in pictures.rglob("*.png"):
            archive.write(file, file.name)
    with full_disk(), pytest.raises(PictureError, match="cannot be stored"):
        store_zip(packed.getvalue(), tmp_path / "out.zip")


def test_a_model_is_never_half_a_new_one(tmp_path, model_folder, contents: Contents, fault):
    """As training writes it again and again while somebody may load it."""
    bundle = load_bundled(model_folder)
    folder = tmp_path / "model"
    save_bundled(folder, bundle.network, bundle.preprocessing, bundle.classes, "First.")
    before = contents(folder)
    with fault(), pytest.raises(OSError, match=r"."):
        save_bundled(folder, bundle.network, bundle.preprocessing, bundle.classes, "Second.")
    assert contents(folder) == before
    assert sk_viz.load_model(folder, "cpu").note.startswith("First.")


def test_figures_from_python(tmp_path, model_folder, pictures, fault):
    picture = next(pictures.rglob("*.png"))
    model = sk_viz.load_model(model_folder, "cpu")
    sweep = sk_viz.sweep(model, sk_viz.read_picture(picture), (1.0, 2.0))
    with fault(), pytest.raises(PictureError, match="cannot be written"):
        make_animation(sweep, tmp_path / "film.gif")
    with fault(), pytest.raises(PictureError, match="cannot be written"):
        make_figure("heatmap", picture, tmp_path / "a.pdf", model=str(model_folder), device="cpu")
    assert list(tmp_path.iterdir()) == []


def test_what_is_opened_on_the_page_finds_no_room(full_disk):
    st.cache_resource.clear()
    network = sknet_tiny(classes=5)
    network.wake()
    given = checkpoint.Checkpoint("mine.safetensors", saved(network), "0" * 64)
    with full_disk(), pytest.raises(ModelError, match="needs room"):
        checkpoint._load(given, "cpu")
    assert checkpoint._load(given, "cpu").id == "mine.safetensors"
    st.cache_resource.clear()


def test_one_file_is_whole_or_not_there(tmp_path, fault):
    with fault(), pytest.raises(OSError, match=r"."):
        write_atomic(tmp_path / "new", b"n" * 5000)
    assert list(tmp_path.iterdir()) == []
