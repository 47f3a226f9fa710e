"""Devices that give up, processes that are killed, downloads broken off, and a clock that jumps."""

from __future__ import annotations

import http.server
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.numpy import save

import sk_viz
from sk_viz.cli import run
from sk_viz.errors import ModelError
from sk_viz.networks.readout import Readout
from sk_viz.pictures.decoding import isolated
from sk_viz.surveys import run_survey
from sk_viz.surveys.engines import local as engine_local
from sk_viz.surveys.engines import process as process_module
from sk_viz.surveys.store import Store
from sk_viz.zoo import hub

Contents = Callable[[Path], dict[str, bytes]]
LOST = "CUDA error: unspecified launch failure\nCUDA kernel errors might be reported later."


@pytest.mark.parametrize(
    ("error", "says"),
    [
        (torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 9 GiB."), "too small"),
        (torch.AcceleratorError(LOST), "The device stopped working (CUDA error: unspecified"),
        (MemoryError(), "too small"),
    ],
    ids=["memory", "lost", "host memory"],
)
def test_a_device_that_gives_up_is_one_sentence(
    error, says, tmp_path, model_folder, pictures, contents: Contents, monkeypatch, capsys
):
    """Whatever it was at; a survey keeps what it has, and goes on to the table of an easy run."""
    model, device = ["--model", str(model_folder)], ["--device", "cpu"]
    survey = ["survey", str(pictures), "--scales", "1,2", "--protocol", "zoom", *model, *device]
    assert run([*survey, "--out", str(tmp_path / "whole")]) == 0
    monkeypatch.setattr("sk_viz.surveys.run.PART_SIZE", 4)
    assert run([*survey, "--out", str(tmp_path / "easy")]) == 0
    capsys.readouterr()
    real, left = Readout.forward, [0]

    def fails(self, *args, **settings):
        left[0] -= 1
        if left[0] < 0:
            raise error
        return real(self, *args, **settings)

    monkeypatch.setattr("sk_viz.surveys.run.batch_size", lambda _: 4)
    monkeypatch.setattr(Readout, "forward", fails)
    picture = str(next(pictures.rglob("*.png")))
    for allowed, words in (
        (0, ["sweep", picture, *model, *device]),
        (0, ["intervene", picture, "--set", "all=largest", *model, *device]),
        (4, [*survey, "--out", str(tmp_path / "hard")]),
    ):
        left[0] = allowed
        assert run(words) == 2
        said = capsys.readouterr().err.strip()
        assert len(said.splitlines()) == 1
        assert says in said or "too small for one picture" in said
    assert Store(tmp_path / "hard").parts() in ([0], [0, 1])
    monkeypatch.setattr(Readout, "forward", real)
    monkeypatch.undo()
    assert run([*survey, "--out", str(tmp_path / "hard")]) == 0
    tables = [Store(tmp_path / name).table().to_pandas() for name in ("easy", "hard")]
    np.testing.assert_allclose(*(t["difference.SK_3_1"] for t in tables), atol=1e-6)
    assert list(tables[0]["name"]) == list(tables[1]["name"])


def test_other_errors_are_not_taken_for_the_device(monkeypatch, model_folder, pictures):
    def fails(*_: object, **__: object) -> None:
        raise RuntimeError("a bug")

    monkeypatch.setattr(Readout, "forward", fails)
    picture = str(next(pictures.rglob("*.png")))
    with pytest.raises(RuntimeError, match="a bug"):
        run(["sweep", picture, "--model", str(model_folder), "--device", "cpu"])


@pytest.mark.timeout(240)
def test_a_killed_process_of_a_survey_costs_its_part_alone(
    tmp_path, model_folder, pictures, monkeypatch
):
    out = tmp_path / "out"
    survey = (str(model_folder), pictures, out, (1.0, 2.0), ("zoom",))

    started = []
    popen = subprocess.Popen

    def begin(*args, **kwargs):
        started.append(popen(*args, **kwargs))
        return started[-1]

    def two(plan, model, parts):
        for step in engine_local.run_processes(plan, model.id, ["cpu", "cpu"], parts):
            for process in started:
                process.kill()
            yield step

    with monkeypatch.context() as patch:
        patch.setattr(engine_local, "run", two)
        patch.setattr(process_module.subprocess, "Popen", begin)
        with pytest.raises(ModelError, match="ended early"):
            run_survey(*survey, part_size=2, device="cpu")
    done = Store(out).parts()
    assert len(done) < 6
    assert len(started) >= 2
    assert all(process.poll() is not None for process in started)
    stamps = {part: (out / f"part-{part:06d}.parquet").stat().st_mtime_ns for part in done}
    run_survey(*survey, device="cpu")
    assert stamps == {p: (out / f"part-{p:06d}.parquet").stat().st_mtime_ns for p in done}
    assert Store(out).table().to_pandas()["position"].tolist() == [n // 2 for n in range(24)]


def test_killed_decoders_are_replaced(pictures):
    picture = next(pictures.rglob("*.png"))
    first = sk_viz.read_picture(picture, isolated=True)
    killed = isolated._decoders.processes()
    for pid in killed:
        os.kill(pid, signal.SIGKILL)
    time.sleep(0.2)
    again = sk_viz.read_picture(picture, isolated=True)
    assert np.array_equal(first.pixels, again.pixels)
    assert not set(isolated._decoders.processes()) & set(killed)


def test_a_clock_that_jumps_changes_nothing(
    tmp_path, model_folder, pictures, contents: Contents, monkeypatch
):
    """A year back and forth at every look."""
    survey = (str(model_folder), pictures)
    settings = {"part_size": 5, "device": "cpu"}
    run_survey(*survey, tmp_path / "calm", **settings)
    real, looks = time.time, []

    def jumping() -> float:
        looks.append(1)
        return real() + 3e7 * (-1) ** len(looks)

    told = []
    monkeypatch.setattr(time, "time", jumping)
    run_survey(*survey, tmp_path / "jumping", progress=told.append, **settings)
    monkeypatch.undo()
    assert contents(tmp_path / "jumping") == contents(tmp_path / "calm")
    assert all(p.rate >= 0 and (p.seconds_left or 0) >= 0 for p in told)


def test_broken_files_of_a_survey_are_never_read_as_whole(tmp_path, model_folder, pictures, capsys):
    """Cut in half, as by a disk that lied: named, and what to do mends it."""
    out = tmp_path / "out"
    words = ["survey", str(pictures), "--out", str(out), "--model", str(model_folder)]
    words += ["--device", "cpu"]
    assert run(words) == 0
    capsys.readouterr()
    for name in ("part-000000.parquet", "channels-000000.parquet"):
        whole = (out / name).read_bytes()
        (out / name).write_bytes(whole[: len(whole) // 2])
        assert run(["report", str(out)]) == 2
        said = capsys.readouterr().err
        assert f"{name!r} is broken: remove" in said
        (out / "part-000000.parquet").unlink()
        assert run(words) == 0
        assert (out / name).read_bytes() == whole
    for name, says in (("survey.json", "no survey"), ("pictures.parquet", "list of pictures")):
        (out / "part-000000.parquet").unlink(missing_ok=True)
        whole = (out / name).read_bytes()
        (out / name).write_bytes(whole[: len(whole) // 2])
        capsys.readouterr()
        assert run(words) == 2
        said = capsys.readouterr().err
        assert says in said
        assert len(said.strip().splitlines()) == 1
        (out / name).write_bytes(whole)
    assert run(words) == 0


WEIGHTS = save({"weight": np.arange(100_000, dtype=np.float32)})


class Hub(http.server.BaseHTTPRequestHandler):
    """One file; the connection breaks off after that many bytes."""

    protocol_version = "HTTP/1.1"
    cut = 0

    def do_HEAD(self) -> None:
        if "/resolve/" not in self.path:
            self.send_error(404)
            return
        self.send_response(200)
        self.send_header("ETag", '"0123"')
        self.send_header("X-Repo-Commit", "0" * 40)
        self.send_header("Content-Length", str(len(WEIGHTS)))
        self.end_headers()

    def do_GET(self) -> None:
        self.do_HEAD()
        if "/resolve/" in self.path:
            self.wfile.write(WEIGHTS[: type(self).cut])
            self.close_connection = True

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def server() -> Iterator[str]:
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Hub) as found:
        threading.Thread(target=found.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{found.server_address[1]}"
        found.shutdown()


_DOWNLOAD = """
import sys
from sk_viz.errors import ModelError
from sk_viz.zoo import hub
try:
    print(hub.download_weights("timm/skresnet18.ra_in1k"))
except ModelError as error:
    print("refused:", error)
print(hub.cached_weights("timm/skresnet18.ra_in1k") is not None)
"""


def test_a_download_broken_off_and_a_cache_cut_in_half(tmp_path, server, monkeypatch):
    """By the hub's real client, whose settings are read when it is imported."""
    own = {"HF_ENDPOINT": server, "SK_VIZ_CACHE": str(tmp_path), "NO_PROXY": "*", "HOME": "/"}

    def download(offline: str = "0") -> list[str]:
        own["HF_HUB_OFFLINE"] = offline
        command = [sys.executable, "-c", _DOWNLOAD]
        ended = subprocess.run(
            command, env=os.environ | own, capture_output=True, text=True, check=True
        )
        return ended.stdout.splitlines()

    Hub.cut = len(WEIGHTS) // 2
    said, there = download()
    assert said.startswith("refused: The weights of timm/skresnet18.ra_in1k are not on this")
    assert there == "False"
    Hub.cut = len(WEIGHTS)
    path, there = download()
    assert there == "True"
    assert Path(path).read_bytes() == WEIGHTS
    Path(path).resolve().write_bytes(WEIGHTS[: len(WEIGHTS) // 2])
    monkeypatch.setenv("SK_VIZ_CACHE", str(tmp_path))
    assert hub.cached_weights("timm/skresnet18.ra_in1k") is None
    said, there = download(offline="1")
    assert said.startswith("refused: The weights of timm/skresnet18.ra_in1k are not whole on this")
    assert there == "False"
    path, there = download()
    assert Path(path).read_bytes() == WEIGHTS
