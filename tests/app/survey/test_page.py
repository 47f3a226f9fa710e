"""The page Survey: from a zip to its report, with a small random network."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from streamlit.testing.v1 import AppTest

from sk_viz.app.survey import page as survey_page
from sk_viz.app.survey import runs as survey_runs
from sk_viz.errors import PictureError
from sk_viz.surveys import shelf

OpenPage = Callable[..., AppTest]


def errors(app: AppTest) -> list[str]:
    assert not app.exception
    return [box.value.replace("\\", "") for box in app.error]


def text(app: AppTest) -> str:
    return " ".join(m.value for m in [*app.markdown, *app.caption, *app.info]).replace("\\", "")


@pytest.fixture(autouse=True)
def _own_shelf(calls: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import sk_viz
    from sk_viz.surveys import run as survey_run

    monkeypatch.setenv("SK_VIZ_CACHE", str(tmp_path / "cache"))
    # The library's own name was put in place by the fixture ``calls``.
    monkeypatch.setattr(survey_run, "load_model", sk_viz.load_model)
    monkeypatch.setattr("sk_viz.app.survey.start.on_loopback", lambda: True)
    monkeypatch.setattr("sk_viz.app.survey.access.on_loopback", lambda: True)
    monkeypatch.setattr(survey_page, "on_loopback", lambda: True)


def zip_of_pictures(count: int = 6) -> bytes:
    rng = np.random.default_rng(0)
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for n in range(count):
            picture = io.BytesIO()
            pixels = rng.integers(0, 256, (70, 80, 3), dtype=np.uint8)
            pixels[: 10 * n + 5] = 40 * n
            Image.fromarray(pixels).save(picture, "PNG")
            archive.writestr(f"{'ab'[n % 2]}/{n}.png", picture.getvalue())
        archive.writestr("a/broken.png", b"not a picture")
    return buffer.getvalue()


def finish(app: AppTest) -> AppTest:
    run = survey_page.runs().of(app.selectbox(key="survey.which").value)
    assert run is not None
    assert run.wait(60)
    return app.run()


def upload(app: AppTest, data: bytes, name: str = "my pictures.zip") -> AppTest:
    app.file_uploader[0].set_value((name, data, "application/zip")).run()
    return app.button(key="survey.start").click().run()


def test_a_zip_becomes_a_report_and_leaves_no_pictures(open_page: OpenPage) -> None:
    app = finish(upload(open_page("survey", survey="", survey_scales="1,2"), zip_of_pictures()))
    assert errors(app) == []
    assert "over 6 pictures" in text(app)
    assert "2 units" in text(app) or "3 units" in text(app)
    assert "Beyond what blur alone does" in text(app)
    assert "untrained" in text(app)
    classes = app.dataframe[0]
    assert list(classes.value["class"]) == ["a", "b"]
    assert list(classes.value["pictures"]) == [3, 3]
    (shown,) = [e.label.replace("\\", "") for e in app.expander]
    assert shown.startswith("7 found: 6 measured (6 with a label unknown to the model), 1 not a")
    (stored,) = shelf.stored_surveys()
    assert stored.name.startswith("my-pictures-")
    assert not stored.pictures.exists()
    labels = [button.label for button in app.get("download_button")]
    assert labels == ["Report, HTML", "Report, JSON", "All rows, Parquet"]


def test_a_folder_is_surveyed_where_it_lies_and_found_again(
    open_page: OpenPage, tmp_path: Path
) -> None:
    with zipfile.ZipFile(io.BytesIO(zip_of_pictures())) as archive:
        archive.extractall(tmp_path / "mine")
    app = open_page(
        "survey", survey="", survey_scales="1,2", survey_protocols="zoom", survey_limit="4"
    )
    app.segmented_control(key="survey.how").set_value("A folder on this machine").run()
    app.text_input(key="survey.source").set_value(str(tmp_path / "mine")).run()
    app = finish(app.button(key="survey.start").click().run())
    assert errors(app) == []
    assert (tmp_path / "mine" / "a" / "0.png").exists()
    (stored,) = shelf.stored_surveys()
    assert stored.request.limit == 4
    again = open_page("survey", survey=stored.name)
    assert errors(again) == []
    assert "units shift towards the larger kernel" in text(again)
    by_path = open_page("survey", survey=str(stored.survey))
    assert [f"There is no survey {str(stored.survey)!r}" in e for e in errors(by_path)] == [True]
    by_path.text_input(key="survey.folder").set_value(str(stored.survey)).run()
    assert errors(by_path) == []
    assert "units shift towards the larger kernel" in text(by_path)
    again = open_page("survey", survey=str(stored.survey))
    assert errors(again) == []
    assert "units shift towards the larger kernel" in text(again)


def test_a_survey_that_was_stopped_goes_on(
    open_page: OpenPage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(survey_runs, "PART_SIZE", 2)
    real = survey_runs.run_survey

    def stopping(*args: Any, **settings: Any) -> Any:
        report = settings.pop("progress")

        def stop(progress: Any) -> None:
            if progress.done >= 4:
                run.stop()
            report(progress)

        (run,) = [survey_page.runs().of(one.name) for one in shelf.stored_surveys()]
        return real(*args, progress=stop, **settings)

    monkeypatch.setattr(survey_runs, "run_survey", stopping)
    app = finish(upload(open_page("survey", survey="", survey_scales="1,2"), zip_of_pictures()))
    assert errors(app) == []
    assert "of 7 pictures are stored" in text(app)
    (stored,) = shelf.stored_surveys()
    done, total = shelf.done_and_total(stored.survey)
    assert 0 < done < total == 7
    monkeypatch.setattr(survey_runs, "run_survey", real)
    app = finish(app.button(key="survey.go_on").click().run())
    assert errors(app) == []
    assert shelf.done_and_total(stored.survey) == (7, 7)
    assert "over 6 pictures" in text(app)


def test_a_survey_is_deleted_after_asking_and_nothing_else(
    open_page: OpenPage, tmp_path: Path
) -> None:
    with zipfile.ZipFile(io.BytesIO(zip_of_pictures())) as archive:
        archive.extractall(tmp_path / "mine")
    app = open_page("survey", survey="", survey_scales="1,2", survey_protocols="zoom")
    app.segmented_control(key="survey.how").set_value("A folder on this machine").run()
    app.text_input(key="survey.source").set_value(str(tmp_path / "mine")).run()
    app = finish(app.button(key="survey.start").click().run())
    other = finish(upload(open_page("survey", survey="", survey_scales="1,2"), zip_of_pictures()))
    assert "cannot be undone" in text(app)
    (stored,) = [one for one in shelf.stored_surveys() if one.request.source]
    assert stored.folder.exists()
    app = app.button(key="survey.delete").click().run()
    assert errors(app) == []
    assert not stored.folder.exists()
    assert list(stored.folder.parent.glob(".*")) == []
    assert app.selectbox(key="survey.which").value == ""
    assert [one.request.source for one in shelf.stored_surveys()] == [""]
    assert len(list((tmp_path / "mine").rglob("*.png"))) == 7
    with shelf.Store(shelf.stored_surveys()[0].survey).locked():  # as another process that runs it
        other = other.button(key="survey.delete").click().run()
    assert "Another survey is running" in errors(other)[0]
    assert len(shelf.stored_surveys()) == 1


def test_a_visitor_cannot_delete_what_another_began(
    open_page: OpenPage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sk_viz.app.survey.access.on_loopback", lambda: False)
    mine = finish(upload(open_page("survey", survey="", survey_scales="1,2"), zip_of_pictures()))
    assert [b.key for b in mine.button if b.key == "survey.delete"] == ["survey.delete"]
    theirs = open_page("survey", survey=shelf.stored_surveys()[0].name)
    assert "over 6 pictures" in text(theirs)
    assert "survey.delete" not in [b.key for b in theirs.button]


@pytest.mark.parametrize(
    ("parameters", "data", "says"),
    [
        ({}, b"PK no zip", "not a complete zip"),
        ({"survey_scales": "0.5,1"}, None, "too small"),
        ({"survey_scales": "nonsense"}, None, "nonsense"),
        ({"model": "nonesuch"}, None, "There is no model"),
    ],
)
def test_what_cannot_be_surveyed_is_one_sentence_and_leaves_nothing(
    open_page: OpenPage, parameters: dict[str, str], data: bytes | None, says: str
) -> None:
    app = upload(open_page("survey", survey="", **parameters), data or zip_of_pictures(2))
    (sentence,) = errors(app)
    assert says in sentence
    assert shelf.stored_surveys() == ()
    left = shelf.shelf_dir()
    assert not left.exists() or list(left.iterdir()) == []


def test_a_server_that_others_reach_takes_no_paths_and_lists_nothing(
    open_page: OpenPage, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    request = shelf.SurveyRequest(str(tmp_path), "sknet_tiny", (1.0,), ("zoom",), None, "cpu")
    with shelf.new_folder() as folder:
        stored = shelf.keep(folder, "secret", request)
    for module in ("survey.page", "survey.start", "survey.access"):
        monkeypatch.setattr(f"sk_viz.app.{module}.on_loopback", lambda: False)
    app = open_page("survey", survey="")
    assert "segmented_control" not in [c.type for c in app.main]
    assert stored.name not in app.selectbox(key="survey.which").options
    (sentence,) = errors(open_page("survey", survey=str(stored.survey)))
    assert sentence.startswith("There is no survey")
    named = open_page("survey", survey=stored.name)  # whoever has the name may see it
    assert errors(named) == []
    assert "nothing is stored yet" in text(named)


def test_only_what_is_on_the_shelf_can_be_removed(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    with pytest.raises(PictureError, match="not on the shelf"):
        shelf.remove(tmp_path / "mine")
    with pytest.raises(PictureError, match="not on the shelf"):
        shelf.remove(shelf.shelf_dir())
    assert (tmp_path / "mine").exists()
    for name in ("../mine", "", ".", "a/b"):
        with pytest.raises(PictureError, match="There is no survey"):
            shelf.find(name)
