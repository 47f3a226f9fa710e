"""The engine for clusters: what its actors store, and what is said without Ray."""

from __future__ import annotations

import sys

import pytest
import torch

import sk_viz
from sk_viz.errors import ModelError
from sk_viz.surveys import run as survey_module
from sk_viz.surveys import run_survey
from sk_viz.surveys.engines import ray as engine_ray
from sk_viz.surveys.plan import SurveyPlan
from sk_viz.surveys.store import Store


def test_without_ray_one_sentence_says_what_to_do(
    tmp_path, model_folder, class_folders, monkeypatch
):
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(ModelError, match="pip install"):
        run_survey(str(model_folder), class_folders, tmp_path / "out", engine="ray", device="cpu")
    run_survey(str(model_folder), class_folders, tmp_path / "out", device="cpu")
    assert Store(tmp_path / "out").parts() == [0]


def test_actors_store_what_the_local_engine_stores(
    tmp_path, model_folder, class_folders, monkeypatch
):
    """Two actors with one part after the other each, one part twice as after a worker's death."""
    monkeypatch.setattr(survey_module, "PART_SIZE", 4)
    run_survey(str(model_folder), class_folders, tmp_path / "local", device="cpu")

    def by_actors(plan, model, parts, address):
        assert isinstance(plan, SurveyPlan)
        threads = torch.get_num_threads()
        actors = [engine_ray.PartActor(plan, model.id, "cpu", threads, 1) for _ in range(2)]
        actors[0]({"part": [parts[0]]})
        for part in parts:
            counts = actors[part % 2]({"part": [part]})
            assert counts["refused"] == [""]
            for pictures, bad in zip(counts["pictures"], counts["unreadable"], strict=True):
                yield engine_ray.BatchCount(pictures, bad)

    monkeypatch.setattr(engine_ray, "run", by_actors)
    told = []
    run_survey(
        str(model_folder), class_folders, tmp_path / "actors", engine="ray", device="cpu",
        progress=told.append,
    )  # fmt: skip
    local = {f.name: f.read_bytes() for f in (tmp_path / "local").glob("*.parquet")}
    actors = {f.name: f.read_bytes() for f in (tmp_path / "actors").glob("*.parquet")}
    assert local == actors
    assert (told[-1].done, told[-1].unreadable) == (13, 1)


def test_a_plan_can_be_sent_to_a_worker(tmp_path, model_folder, class_folders):
    import pickle

    from sk_viz.datasets.opening import open_dataset

    model = sk_viz.load_model(model_folder, "cpu")
    source = open_dataset(class_folders)
    plan = SurveyPlan(str(tmp_path), source, (("zoom", 1.0),), False, 4, 8, {"model": model.id})
    assert pickle.loads(pickle.dumps(plan)) == plan


def test_an_actor_says_in_one_sentence_why_it_cannot(tmp_path, model_folder, class_folders):
    """Other packages than the survey's, or a disk that fails: no traceback out of a cluster."""
    from sk_viz.datasets.opening import open_dataset

    source = open_dataset(class_folders)
    plan = SurveyPlan(
        str(tmp_path), source, (("zoom", 1.0),), False, 4, 8, {"engine": "openvino 9"}
    )
    found = engine_ray.PartActor(plan, str(model_folder), "cpu", 1, 1)({"part": [0, 1]})
    assert found["pictures"] == found["unreadable"] == [0, 0]
    assert all("install the same packages" in text for text in found["refused"])
    assert (
        "no model 'nowhere'"
        in engine_ray.PartActor(plan, "nowhere", "cpu", 1, 1)({"part": [0]})["refused"][0].lower()
    )


def test_each_actor_has_its_share_of_the_nodes(monkeypatch):
    monkeypatch.setattr(torch, "get_num_threads", lambda: 4)
    nodes = [
        {"Alive": True, "Resources": {"CPU": 16.0, "GPU": 2.0}},
        {"Alive": True, "Resources": {"CPU": 6.0}},
        {"Alive": True, "Resources": {"CPU": 12.0, "GPU": 1.0}},
        {"Alive": False, "Resources": {"CPU": 64.0, "GPU": 8.0}},
    ]
    assert engine_ray._shares(nodes, "cpu") == (4, 4, 4 + 1 + 3)
    assert engine_ray._shares(nodes, "cuda") == (4, 8, 3)
    assert engine_ray._shares(nodes[1:2], "cuda") == (4, 1, 1)
    small = [{"Alive": True, "Resources": {"CPU": 2.0}}]
    assert engine_ray._shares(small, "cpu") == (2, 2, 1)
