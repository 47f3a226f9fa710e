"""What the model is, on every page that shows what it did."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import timm
import torch
from streamlit.testing.v1 import AppTest

import sk_viz
from sk_viz.app.shared.identity import marks
from sk_viz.preprocessing import Preprocessing
from sk_viz.zoo.bundled import ClassName
from sk_viz.zoo.model import Model, as_model

SPLIT = "skresnet18.ra_in1k"


@pytest.fixture
def split_model(calls: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """A network whose branches see different halves of the channels, with random weights."""

    def load(_id: str, device: str = "auto") -> Model:
        with torch.random.fork_rng():
            torch.manual_seed(0)
            network = timm.create_model("skresnet18", num_classes=7)
        return as_model(
            network.eval(),
            id=SPLIT,
            preprocessing=Preprocessing(64, 1.0),
            classes=[ClassName(f"thing {i}") for i in range(7)],
            kind="untrained",
            note="A random network.",
            device=torch.device("cpu"),
        )

    monkeypatch.setattr(sk_viz, "load_model", load)


@pytest.mark.parametrize("page", ["explore", "why", "how_far", "what_if", "compare", "figures"])
def test_every_page_marks_what_is_untrained_and_unfaithful(
    open_page: Callable[..., AppTest], split_model: None, page: str
) -> None:
    app = open_page(
        page, model=SPLIT, scales="1:2:2", method="none", by="saliency", figure="heatmap"
    )
    assert not app.exception
    assert [box.value for box in app.error] == []
    said = " ".join(markdown.value for markdown in app.markdown)  # a caption would pale them
    assert ":red-badge[untrained]" in said
    assert ":orange-badge[split halves]" in said


def test_dead_units_are_counted_and_nothing_is_claimed_of_the_rest() -> None:
    assert marks("bundled", split=False) == ":green-badge[bundled]"
    assert marks("checkpoint", split=False, dead=2).endswith(":red-badge[2 dead units]")
