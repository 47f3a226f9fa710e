"""One process a device, as on a machine with several GPUs; here each of them is the CPU."""

from __future__ import annotations

import subprocess
import sys
import types

import pandas as pd
import pytest

import sk_viz
from sk_viz.datasets.opening import open_dataset
from sk_viz.errors import ModelError
from sk_viz.surveys import run as survey_module
from sk_viz.surveys import run_survey
from sk_viz.surveys.engines import local as engine_local
from sk_viz.surveys.plan import SurveyPlan
from sk_viz.surveys.store import Store


@pytest.fixture
def two_processes(monkeypatch):
    monkeypatch.setattr(
        engine_local,
        "run",
        lambda plan, model, parts: engine_local.run_processes(
            plan, model.id, ["cpu", "cpu"], parts
        ),
    )


def test_they_make_the_same_table_and_leave_the_main_module_alone(
    tmp_path, model_folder, class_folders, monkeypatch, request
):
    """As in Streamlit's server, where the page that runs stands for the main module."""
    monkeypatch.setattr(survey_module, "PART_SIZE", 4)
    run_survey(str(model_folder), class_folders, tmp_path / "one", device="cpu")
    page = tmp_path / "page.py"
    page.write_text(f"open({str(tmp_path / 'ran')!r}, 'w')\nraise SystemExit('a page ran')\n")
    module = types.ModuleType("__main__")
    module.__file__ = str(page)
    monkeypatch.setitem(sys.modules, "__main__", module)
    request.getfixturevalue("two_processes")
    told = []
    out = tmp_path / "two"
    run_survey(str(model_folder), class_folders, out, progress=told.append, device="cpu")
    assert not (tmp_path / "ran").exists()
    assert (told[-1].done, told[-1].unreadable) == (13, 1)
    pd.testing.assert_frame_equal(
        Store(tmp_path / "one").table().to_pandas(), Store(out).table().to_pandas()
    )


def test_the_trap_is_one(tmp_path):
    """What multiprocessing would do there; else the test above proved nothing."""
    page = tmp_path / "page.py"
    page.write_text(f"open({str(tmp_path / 'ran')!r}, 'w')\n")
    code = (
        "import multiprocessing, sys, types\n"
        "main = sys.modules['__main__'] = types.ModuleType('__main__')\n"
        f"main.__file__ = {str(page)!r}\n"
        "process = multiprocessing.get_context('spawn').Process(target=print)\n"
        "process.start()\nprocess.join()\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)
    assert (tmp_path / "ran").exists()


def test_what_a_process_refuses_is_said(tmp_path, model_folder, class_folders):
    plan = SurveyPlan(
        str(tmp_path), open_dataset(class_folders), (("zoom", 1.0),), False, 4, 8,
        {"engine": "openvino 9"},
    )  # fmt: skip
    with pytest.raises(ModelError, match="install the same packages"):
        list(engine_local.run_processes(plan, str(model_folder), ["cpu"], [0]))


def test_one_that_cannot_start_is_said_too(tmp_path, class_folders, model_folder, monkeypatch):
    model = sk_viz.load_model(model_folder, "cpu")
    plan = SurveyPlan(str(tmp_path), open_dataset(class_folders), (("zoom", 1.0),), False, 4, 8, {})
    monkeypatch.setattr("sk_viz.surveys.engines.process._PROGRAM", "raise SystemExit(3)")
    with pytest.raises(ModelError, match="ended early"):
        list(engine_local.run_processes(plan, model.id, ["cpu", "cpu"], [0, 1]))
