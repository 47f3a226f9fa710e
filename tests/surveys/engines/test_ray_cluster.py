"""A real Ray cluster on this machine: the table is that of the local engine, deaths included."""

from __future__ import annotations

import os
import secrets
import signal
import subprocess
import threading
import time
from pathlib import Path

import pytest

from sk_viz.errors import ModelError
from sk_viz.surveys import run as survey_module
from sk_viz.surveys import run_survey

pytestmark = pytest.mark.long

pytest.importorskip("ray.data", reason='needs pip install "ray[data]"')

PICTURES, PART = 30, 3


@pytest.fixture(scope="module")
def cluster():
    """The address of a cluster with two CPUs and one place for the survey's actor on each."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RAY_USAGE_STATS_ENABLED", "0")
        patch.setenv("RAY_AUTH_TOKEN", secrets.token_hex(16))  # else one is written into the home
        from ray.cluster_utils import Cluster

        settings = {"num_cpus": 2, "object_store_memory": 80_000_000, "include_dashboard": False}
        started = Cluster(initialize_head=True, head_node_args=settings)
        yield started.address
        started.shutdown()


@pytest.fixture
def small_parts(monkeypatch):
    monkeypatch.setattr(survey_module, "PART_SIZE", PART)


@pytest.fixture
def local(tmp_path, model_folder, write_table, small_parts):
    """The files of the same survey by the engine of one machine."""
    table = write_table(tmp_path / "pictures.parquet", range(PICTURES))
    run_survey(str(model_folder), table, tmp_path / "local", device="cpu")
    return _files(tmp_path / "local")


def _files(folder: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in folder.glob("*.*") if file.name != ".lock"}


def _actors() -> set[int]:
    """The processes of the survey's actors: Ray names each by what it runs."""
    listed = subprocess.run(["ps", "-eo", "pid,args"], capture_output=True, text=True, check=True)
    lines = [line.split(None, 1) for line in listed.stdout.splitlines()]
    return {int(pid) for pid, name in lines if name.startswith("ray::") and "PartActor" in name}


def test_a_cluster_stores_what_one_machine_stores(tmp_path, model_folder, local, cluster):
    told = []
    run_survey(
        str(model_folder), tmp_path / "pictures.parquet", tmp_path / "ray", engine="ray",
        device="cpu", address=cluster, progress=told.append,
    )  # fmt: skip
    assert len(local) == 2 * PICTURES // PART + 2  # parts, their channels, the list, the header
    assert _files(tmp_path / "ray") == local
    assert (told[-1].done, told[-1].total) == (PICTURES, PICTURES)


def test_a_killed_worker_changes_nothing(tmp_path, model_folder, local, cluster):
    """One is killed when the first part is there and most are not: the rest is measured again."""
    out = tmp_path / "ray"
    killed: list[int] = []
    stored: list[int] = []

    def kill() -> None:
        ends = time.monotonic() + 100
        while time.monotonic() < ends and not killed:
            if found := len(list(out.glob("part-*"))):
                killed.extend(sorted(_actors())[:1])
                for pid in killed:
                    os.kill(pid, signal.SIGKILL)
                stored.append(found)
            time.sleep(0.002)

    killer = threading.Thread(target=kill)
    killer.start()
    table = tmp_path / "pictures.parquet"
    run_survey(str(model_folder), table, out, engine="ray", device="cpu", address=cluster)
    killer.join()
    assert killed
    assert stored[0] < PICTURES // PART
    assert _files(out) == local


@pytest.mark.parametrize("address", ["127.0.0.1:1", "127.0.0.1:no", "nowhere.invalid:6379"])
def test_no_cluster_is_one_sentence(tmp_path, model_folder, class_folders, address):
    with pytest.raises(ModelError, match="no Ray cluster at"):
        run_survey(
            str(model_folder), class_folders, tmp_path / "ray", engine="ray", device="cpu",
            address=address,
        )  # fmt: skip
