"""The list of models."""

from __future__ import annotations

from dataclasses import asdict

import pytest
import timm
import torch

import sk_viz
from sk_viz.zoo.catalogue import KNOWN, count_macs


@pytest.fixture(scope="module")
def entries():
    return {entry.id: entry for entry in sk_viz.list_models()}


def test_ids(entries):
    assert set(entries) >= {
        "skresnext50_32x4d.ra_in1k",
        "skresnet18.ra_in1k",
        "skresnet34.ra_in1k",
        "sknet26",
        "sknet50",
        "sknet101",
        "sknet29_cifar",
        "skresnet50",
        "skresnet50d",
    }
    assert set(entries) <= set(KNOWN)


@pytest.mark.parametrize(
    ("name", "units", "parameters", "giga", "faithful"),
    [
        ("sknet50", 16, 27_479_784, 4.46, True),
        ("sknet101", 33, 48_736_040, 8.45, True),
        ("sknet26", 8, 16_746_408, 2.59, True),
        ("skresnext50_32x4d.ra_in1k", 16, 27_479_784, 4.46, True),
        ("skresnet18.ra_in1k", 8, 11_958_056, 1.82, False),
    ],
)
def test_figures(entries, name, units, parameters, giga, faithful):
    entry = entries[name]
    assert (entry.units, entry.parameters, entry.faithful) == (units, parameters, faithful)
    assert entry.macs == pytest.approx(giga * 1e9, rel=0.01)


def test_untrained_ones_need_no_download(entries):
    for entry in entries.values():
        if entry.kind != "pretrained":
            assert entry.on_disk
        assert (entry.kind == "untrained") == (entry.licence is None)


def test_entries_are_plain(entries):
    assert all(
        isinstance(v, str | int | bool | None) for e in entries.values() for v in asdict(e).values()
    )


def test_counter_agrees_with_a_closed_form():
    network = torch.nn.Conv2d(3, 8, 3, padding=1, bias=False)
    assert count_macs(network, 10) == 8 * 3 * 9 * 100


def test_pretrained_ids_are_those_of_timm():
    for known in KNOWN.values():
        if known.kind == "pretrained":
            config = timm.get_pretrained_cfg(known.id)
            assert config.hf_hub_id == known.repository
            assert config.license.lower() == known.licence.lower()
