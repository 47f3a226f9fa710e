"""The page Figures, driven as a user drives it, with a small random network."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

import pytest
from PIL import Image
from streamlit.testing.v1 import AppTest

OpenPage = Callable[..., AppTest]
QUICK = {"protocol": "zoom", "figure": "heatmap", "figure_scales": "1,2", "dpi": "150"}


def errors(app: AppTest) -> list[str]:
    assert not app.exception
    return [box.value.replace("\\", "") for box in app.error]


def text(app: AppTest) -> str:
    return " ".join(m.value for m in [*app.markdown, *app.caption]).replace("\\", "")


@pytest.fixture
def bundles(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    from sk_viz.app.figures import page as figures

    made: list[Any] = []
    real = figures.make_bundle

    def keeping(*args: Any) -> Any:
        made.append(real(*args))
        return made[-1]

    monkeypatch.setattr(figures, "make_bundle", keeping)
    return made


def test_a_figure_of_the_picture_is_shown_with_its_command_and_files(
    open_page: OpenPage, bundles: list[Any]
) -> None:
    app = open_page("figures", **QUICK)
    assert errors(app) == []
    assert "at its final width of 3.25 in" in text(app)
    (code,) = app.code
    assert code.value.startswith("sk-viz figure heatmap ")
    assert "--scales 1,2 --device" not in code.value
    assert "--dpi 150" in code.value
    labels = [button.label for button in app.get("download_button")]
    assert labels == ["PDF", "SVG", "PNG", "Data, CSV", "LaTeX", "BibTeX"]
    (bundle,) = bundles
    assert bundle.pdf.startswith(b"%PDF")
    width = Image.open(io.BytesIO(bundle.png)).width
    assert width == pytest.approx(3.25 * 150, abs=1)


def test_another_width_draws_anew_and_going_back_does_not(
    open_page: OpenPage, bundles: list[Any]
) -> None:
    app = open_page("figures", **QUICK)
    app.selectbox(key="figures.width").set_value("neurips-text").run()
    assert errors(app) == []
    assert "5.5 in, NEURIPS text" in text(app)
    assert app.query_params["width"] in (["neurips-text"], "neurips-text")
    app.selectbox(key="figures.width").set_value("cvpr-column").run()
    assert errors(app) == []
    assert len(bundles) == 2


def test_a_film_is_made_when_it_is_asked_for(open_page: OpenPage) -> None:
    app = open_page("figures", **QUICK, scales="1:2:2")
    app.button(key="figures.film").click().run()
    assert errors(app) == []
    assert "GIF" in [button.label for button in app.get("download_button")]


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"figure_scales": "0.5,1"}, "too small"),
        ({"source": "nonesuch"}, "There is no survey 'nonesuch'"),
        ({"source": "../../etc"}, "There is no survey '../../etc'"),
    ],
)
def test_what_cannot_be_drawn_is_one_sentence(
    open_page: OpenPage, changed: dict[str, str], says: str
) -> None:
    (sentence,) = errors(open_page("figures", **(QUICK | changed)))
    assert says in sentence


def test_a_path_is_no_survey_on_a_server_that_others_reach(
    open_page: OpenPage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sk_viz.app.survey.access.on_loopback", lambda: False)
    (sentence,) = errors(open_page("figures", **(QUICK | {"source": "../../etc"})))
    assert "There is no survey" in sentence
