"""The worked examples of CONTRIBUTING.md run as they stand, and what it names exists."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from streamlit.testing.v1 import AppTest

ROOT = Path(__file__).resolve().parents[2]
TEXT = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")


def blocks(heading: str) -> list[str]:
    """The Python blocks below a heading."""
    section = TEXT.split(f"\n## {heading}\n")[1].split("\n## ")[0]
    return re.findall(r"^```python\n(.*?)^```$", section, re.DOTALL | re.MULTILINE)


def run(*headings: str, into: dict[str, Any] | None = None) -> dict[str, Any]:
    """The names that the blocks below these headings leave."""
    names: dict[str, Any] = {"__name__": "example"} if into is None else into
    for heading in headings:
        for block in blocks(heading):
            code = compile(block, f"CONTRIBUTING.md: {heading}", "exec", dont_inherit=True)
            exec(code, names)
    return names


@pytest.fixture(scope="module")
def measured(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Any]]:
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path_factory.mktemp("measure"))
        yield run("Add a measure") | {"folder": Path.cwd()}


def test_a_network() -> None:
    names = run("Add a network")
    assert names["names"] == ["SK_2_1", "SK_3_1", "SK_4_1", "SK_5_1"]
    assert names["logits"].shape == (1, 10)
    for weights in names["weights"].values():
        assert weights.shape[:2] == (1, 2)
        assert torch.allclose(weights.sum(dim=1), torch.ones(1))


def test_a_measure_against_torch(measured: dict[str, Any]) -> None:
    import sk_viz

    found, again = measured["found"], measured["again"]
    assert again.record == found.record
    assert again.table.equals(found.table)
    assert found.to_json()["record"]["measure"] == "choice_entropy"
    sweep = sk_viz.sweep(sk_viz.load_model("sknet_tiny"), measured["picture"], scales=(1.0, 2.0))
    for row in found.table.to_dict("records"):
        weights = sweep.unit_weights(row["unit"])[sweep.scales.index(row["scale"])]
        shares = torch.tensor(weights).double().movedim(0, -1)
        nats = torch.distributions.Categorical(probs=shares).entropy().mean()
        assert row["entropy"] == pytest.approx(float(nats) / np.log(2), abs=1e-6)


def test_a_figure(measured: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(measured["folder"])
    names = run("Add a figure", into=dict(measured))
    assert Path("entropy.pdf").read_bytes().startswith(b"%PDF")
    (axes,) = names["figure"].axes
    heights = sorted(bar.get_height() for bars in axes.containers for bar in bars)
    assert heights == pytest.approx(sorted(measured["found"].table["entropy"]))


def test_a_page() -> None:
    script = "\n".join(
        [blocks("Add a measure")[0], *blocks("Add a page"), "shell.style()", "page()"]
    )
    app = AppTest.from_string(script, default_timeout=120).run()
    assert not app.exception
    (table,) = app.dataframe
    assert list(table.value.columns) == ["scale", "unit", "entropy"]
    assert table.value["entropy"].between(0, 1).all()


def test_every_file_that_is_named_exists() -> None:
    links = re.findall(r"\]\(([^)#:]+)\)", TEXT)
    paths = re.findall(r"`((?:sk_viz|tests)/[\w./]+|[\w-]+\.(?:toml|txt|lock))`", TEXT)
    assert len(links) >= 4
    assert len(paths) >= 8
    for name in links + paths:
        assert (ROOT / name).exists(), name
