"""The page Explore, driven as a user drives it, with a small random network."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from PIL import Image
from streamlit.testing.v1 import AppTest

from sk_viz.errors import PictureError
from sk_viz.pictures import samples

Open = Callable[..., AppTest]
QUICK = {"protocol": "zoom", "method": "none", "scales": "1:2:3"}


def errors(app: AppTest) -> list[str]:
    assert not app.exception
    return [box.value for box in app.error]


def drawn(app: AppTest) -> set[str]:
    """Keys of the figures and components on the page."""
    found: set[str] = set()

    def walk(block: Any) -> None:
        for child in block.children.values():
            if getattr(child, "children", None):
                walk(child)
            if getattr(child, "type", "") in ("plotly_chart", "bidi_component"):
                found.add(child.proto.id.rsplit("-", 1)[-1] if child.proto.id else "")

    walk(app.main)
    walk(app.sidebar)
    return found


def text(app: AppTest) -> str:
    return " ".join(m.value for m in [*app.markdown, *app.caption]).replace("\\", "")


def png(side: int = 48, seed: int = 0) -> bytes:
    pixels = np.random.default_rng(seed).integers(0, 255, (side, side, 3), np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG")
    return buffer.getvalue()


def test_the_first_screen_is_a_finished_sweep(open_app: Open, calls: Any) -> None:
    app = open_app()
    assert errors(app) == []
    assert [call["protocol"] for call in calls.sweeps] == ["object"]
    assert len(calls.sweeps[0]["scales"]) == 11
    assert [call["scale"] for call in calls.attributions] == [0.5, 1.25, 2.0]
    assert len({call["target"] for call in calls.attributions}) == 1
    assert {"map", "stages", "channels", "filmstrip", "pointer"} <= drawn(app)
    assert "untrained" in text(app)
    assert "Untrained" in text(app)
    assert app.query_params == {}


def test_controls_that_need_no_forward_run_none(open_app: Open, calls: Any) -> None:
    app = open_app(picture="panda")
    before = len(calls.sweeps), len(calls.attributions)
    app.slider(key="strength").set_value(0.3).run()
    app.button_group(key="change").set_value(True).run()
    app.button_group(key="order").set_value("averaged").run()
    app.toggle(key="control").set_value(False).run()
    app.toggle(key="control").set_value(True).run()
    assert errors(app) == []
    assert (len(calls.sweeps), len(calls.attributions)) == before
    assert app.query_params == {
        "picture": "panda",
        "overlay": "0.3",
        "change": "1",
        "channels": "averaged",
    }


def test_results_are_shared_by_all_sessions(open_app: Open, calls: Any) -> None:
    open_app(**QUICK)
    open_app(**QUICK)
    assert len(calls.sweeps) == 2


def test_a_link_opens_the_same_view(open_app: Open, calls: Any) -> None:
    link = {
        "picture": "panda",
        "protocol": "resolution",
        "scales": "1:2:3",
        "unit": "SK_3_2",
        "scale": "1.5",
        "method": "none",
        "channels": "averaged",
    }
    app = open_app(**link)
    assert errors(app) == []
    assert len(calls.sweeps) == 1
    assert calls.sweeps[0]["protocol"] == "resolution"
    assert calls.sweeps[0]["scales"] == (1.0, 1.5, 2.0)
    assert app.selectbox(key="sample").value == "panda"
    assert "Channels of SK_3_2" in text(app)
    assert app.query_params == link


def test_moving_the_point_sweeps_the_zoom_again_but_not_the_blur(
    open_app: Open, calls: Any
) -> None:
    app = open_app(**QUICK)
    app.slider(key="point.x").set_value(0.25).run()
    assert errors(app) == []
    assert [call["protocol"] for call in calls.sweeps] == ["zoom", "blur", "zoom"]
    assert calls.sweeps[-1]["point"] == (0.25, 0.5)
    assert app.query_params["point"] == "0.25,0.5"


def test_a_photograph_in_a_link_is_zoomed_into(open_app: Open, calls: Any) -> None:
    app = open_app(picture="panda", scales="1:2:3", method="none")
    assert [call["protocol"] for call in calls.sweeps] == ["zoom", "blur"]
    assert "protocol" not in app.query_params


def test_object_and_back_keeps_the_picture(open_app: Open, calls: Any) -> None:
    app = open_app(**QUICK, picture="panda")
    app.button_group(key="protocol").set_value("object").run()
    app.selectbox(key="sample").set_value("cutout-hedgehog").run()
    app.button_group(key="protocol").set_value("zoom").run()
    assert app.selectbox(key="sample").value == "panda"
    app.button_group(key="protocol").set_value("object").run()
    assert app.selectbox(key="sample").value == "cutout-hedgehog"


@pytest.mark.parametrize(
    ("link", "says"),
    [
        ({"unit": "SK_9_9"}, "sknet_tiny has no unit SK_9_9"),
        ({"scale": "1.7"}, "The scale 1.7× is not among the scales"),
    ],
)
def test_what_a_link_names_and_is_not_there_is_told(
    open_app: Open, link: dict[str, str], says: str
) -> None:
    app = open_app(**QUICK, **link)
    (sentence,) = errors(app)
    assert says in sentence.replace("\\", "")
    assert "map" in drawn(app)
    assert not set(link) & set(app.query_params)
    assert errors(app.run()) == []


@pytest.mark.parametrize("protocol", ["blur", "resolution", "object"])
def test_each_protocol_comes_with_its_range_and_its_pictures(
    open_app: Open, calls: Any, protocol: str
) -> None:
    app = open_app(**QUICK)
    app.button_group(key="protocol").set_value(protocol).run()
    assert errors(app) == []
    assert calls.sweeps[-1]["protocol"] == protocol
    assert len(calls.sweeps[-1]["scales"]) == 11
    kind = "cutout" if protocol == "object" else "photo"
    assert app.selectbox(key="sample").value in {sample.id for sample in samples(kind)}


def test_an_object_stands_on_the_background_that_is_chosen(open_app: Open, calls: Any) -> None:
    app = open_app(**(QUICK | {"protocol": "object", "scales": "0.5:2:3"}))
    assert calls.sweeps[-1]["background"] is None
    chosen = samples("background")[0].id
    app.selectbox(key="background").set_value(chosen).run()
    assert errors(app) == []
    assert calls.sweeps[-1]["background"].name.startswith(chosen)


def test_three_branches_are_drawn_one_line_each(open_app: Open) -> None:
    app = open_app(**QUICK, model="sknet26")
    assert errors(app) == []
    assert "7×7" in text(app)


def test_an_upload_is_swept(open_app: Open, calls: Any) -> None:
    app = open_app(**QUICK)
    app.button_group(key="source").set_value("Upload").run()
    app.file_uploader(key="uploaded").set_value(("mine.png", png(), "image/png")).run()
    assert errors(app) == []
    assert len(calls.sweeps) == 4
    assert "mine.png, 48 × 48" in text(app)
    assert app.query_params["picture"].startswith("upload.")


def test_a_wrong_file_is_one_sentence_and_the_last_picture_stays(
    open_app: Open, calls: Any
) -> None:
    app = open_app(**QUICK)
    app.button_group(key="source").set_value("Upload").run()
    app.file_uploader(key="uploaded").set_value(("good.png", png(), "image/png")).run()
    swept = len(calls.sweeps)
    name = "![x](http://example.com/a.png).png"
    app.file_uploader(key="uploaded").set_value((name, b"no picture", "image/png")).run()
    (sentence,) = errors(app)
    assert "is not a picture that can be read" in sentence.replace("\\", "")
    assert "![x](" not in sentence
    assert "good.png" in text(app)
    assert len(calls.sweeps) == swept
    assert "map" in drawn(app)


def test_a_link_to_an_upload_asks_for_it_and_shows_a_sample(open_app: Open) -> None:
    app = open_app(**QUICK, picture="upload")
    assert errors(app) == []
    assert any("somebody's own picture" in box.value for box in app.info)
    assert "map" in drawn(app)


@pytest.mark.parametrize(
    ("parameter", "value", "says"),
    [
        ("scales", "0.5,1", "too small"),
        ("model", "nonesuch", "There is no model"),
        ("model", "app.py", "There is no model"),
        ("picture", "nonesuch", "There is no sample"),
    ],
)
def test_a_link_that_cannot_be_shown_is_one_sentence(
    open_app: Open, calls: Any, parameter: str, value: str, says: str
) -> None:
    app = open_app(**(QUICK | {parameter: value}))
    (sentence,) = errors(app)
    assert says in sentence.replace("\\", "")
    assert calls.sweeps == []


def test_a_parameter_that_cannot_be_read_is_told_once_and_left_out(open_app: Open) -> None:
    app = open_app(**QUICK, point="here")
    assert len(errors(app)) == 1
    assert "map" in drawn(app)
    assert errors(app.run()) == []


def test_a_device_that_is_not_there_leaves_the_last_result_and_is_not_offered(
    open_app: Open, calls: Any
) -> None:
    from dataclasses import replace

    from sk_viz.app.state.settings import Settings

    app = open_app(**QUICK)
    swept = len(calls.sweeps)
    assert "mps" not in [o for group in app.sidebar.button_group for o in group.options]
    app.selectbox(key="model").set_value("sknet29_cifar").run()
    app.session_state["settings.Settings"] = replace(
        app.session_state["settings.Settings"], device="mps"
    )
    assert isinstance(app.session_state["settings.Settings"], Settings)
    app.run()
    (sentence,) = errors(app)
    assert "MPS" in sentence
    assert "map" in drawn(app)
    assert "sknet29" in text(app)
    assert len(calls.sweeps) == swept + 2


def test_a_bug_is_one_generic_line_and_the_last_result_stays(
    open_app: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = open_app(**QUICK)

    def broken(*args: Any, **settings: Any) -> None:
        raise RuntimeError("secret detail")

    monkeypatch.setattr("sk_viz.sweep", broken)
    app.slider(key="count").set_value(4).run()
    (sentence,) = errors(app)
    assert "secret" not in sentence
    assert "map" in drawn(app)


def test_an_error_of_an_attribution_leaves_the_rest(
    open_app: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*args: Any, **settings: Any) -> None:
        raise PictureError("No attribution today: try again tomorrow.")

    monkeypatch.setattr("sk_viz.attribute", refuse)
    app = open_app(scales="1:2:3")
    (sentence,) = errors(app)
    assert "No attribution today" in sentence
    assert {"map", "filmstrip"} <= drawn(app)


def test_what_was_stopped_stays_stopped_until_one_goes_on(open_app: Open, calls: Any) -> None:
    from sk_viz.app.shared import shell

    app = open_app(**QUICK)
    swept = len(calls.sweeps)
    # A click on the button while the page waits: its callback, then a run of the page.
    app.slider(key="count").set_value(5)
    app.session_state["stopped"] = _Everything()
    app.run()
    assert errors(app) == []
    assert any("Stopped" in box.value for box in app.info)
    assert len(calls.sweeps) == swept
    assert "map" in drawn(app)
    app.button(key="go_on.explore").click().run()
    assert len(calls.sweeps) == swept + 2
    assert shell.jobs() is not None


class _Everything:
    """A set that has every key in it."""

    def __contains__(self, key: object) -> bool:
        return True
