"""Blocks that resemble an SK unit are refused, and the message says why."""

from __future__ import annotations

import pytest
from timm.layers import SplitAttn
from torch import nn

from sk_viz import ModelError
from sk_viz.networks.lookalikes import lookalike_reason
from sk_viz.networks.units import units


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("InsightBottleneck", "one dense and one grouped"),
        ("SimclrSelectiveKernel", "3x3 convolutions of the same extent and groups"),
        ("HolocronConv", r"cannot leave \[.269, .731\]"),
    ],
)
def test_blocks_of_other_projects(foreign, name, reason):
    network = nn.Sequential(nn.Identity(), getattr(foreign, name)())
    with pytest.raises(ModelError, match=rf"^1 is not an SK unit: .*{reason}"):
        units(network)


def test_split_attention():
    with pytest.raises(ModelError, match="ResNeSt"):
        units(SplitAttn(16))


def test_other_blocks_resemble_nothing():
    assert lookalike_reason(nn.Conv2d(3, 3, 3)) is None
    assert lookalike_reason(nn.Sequential(nn.Softmax(dim=1))) is None
