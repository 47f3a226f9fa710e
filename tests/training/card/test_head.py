from dataclasses import asdict

import yaml

from sk_viz.training.card.head import head
from sk_viz.training.card.recipe import Made
from sk_viz.training.recipe import Recipe

MADE = Made(
    id="SKNet for 2 classes",
    parameters=1,
    macs=1,
    input_size=64,
    sha256="0",
    file_bytes=1,
    training={"folder": 3},
    validation={"folder": 2},
    recipe=asdict(Recipe()),
    hours=1.0,
    log=(),
    starts=(),
    machine="",
    classes=2,
    options="",
)


def test_the_head_is_yaml_with_the_figures_of_pictures_held_out():
    found = {
        "accuracy": {"folder": {"top1": {"share": 0.5}, "top5": {"share": 0.75}}},
        "photographs": {"sources": {"walks": {"top1": {"share": 0.25}, "top5": {"share": 1.0}}}},
    }
    text = head(MADE, found)
    assert text.startswith("---\n")
    assert text.endswith("\n---")
    values = yaml.safe_load(text.strip("-"))
    assert values["license"] == "other"
    assert values["pipeline_tag"] == "image-classification"
    (model,) = values["model-index"]
    assert model["name"] == MADE.id
    told = {
        result["dataset"]["type"]: [metric["value"] for metric in result["metrics"]]
        for result in model["results"]
    }
    assert told == {"folder": [0.5, 0.75], "walks": [0.25, 1.0]}
