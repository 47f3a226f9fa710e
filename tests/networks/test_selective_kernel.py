"""The unit against the paper's equations, written out in numpy."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from sk_viz import ModelError
from sk_viz.networks import SelectiveKernelConv


def _array(tensor: torch.Tensor) -> np.ndarray:
    return tensor.detach().double().numpy()


def _norm(x: np.ndarray, norm: nn.BatchNorm2d) -> np.ndarray:
    scale = _array(norm.weight) / np.sqrt(_array(norm.running_var) + norm.eps)
    shift = _array(norm.bias) - _array(norm.running_mean) * scale
    shape = (1, -1) + (1,) * (x.ndim - 2)
    return x * scale.reshape(shape) + shift.reshape(shape)


def _convolve(x: np.ndarray, weight: np.ndarray, dilation: int, groups: int) -> np.ndarray:
    """A 3x3 convolution that keeps the size, one tap at a time."""
    n, _, h, w = x.shape
    out_channels, per_group = weight.shape[:2]
    padded = np.pad(x, ((0, 0), (0, 0), (dilation, dilation), (dilation, dilation)))
    result = np.zeros((n, out_channels, h, w))
    share = out_channels // groups
    for g in range(groups):
        rows = slice(g * share, (g + 1) * share)
        inputs = padded[:, g * per_group : (g + 1) * per_group]
        for i in range(3):
            for j in range(3):
                tap = inputs[:, :, i * dilation : i * dilation + h, j * dilation : j * dilation + w]
                result[:, rows] += np.einsum("nchw,oc->nohw", tap, weight[rows, :, i, j])
    return result


def test_equations_one_to_six(randomised):
    torch.manual_seed(0)
    unit = randomised(SelectiveKernelConv(8, kernels=(3, 5, 7), groups=2, min_features=4))
    x = torch.randn(2, 8, 9, 9)
    trace = unit.trace(x)

    branches = [
        np.maximum(
            _norm(_convolve(_array(x), _array(branch[0].weight), 1 + i, groups=2), branch[1]), 0
        )
        for i, branch in enumerate(unit.branches)
    ]
    summed = sum(branches)  # equation 1
    pooled = summed.mean(axis=(2, 3))  # equation 2
    linear = pooled @ _array(unit.fuse[0].weight)[:, :, 0, 0].T
    compact = np.maximum(_norm(linear, unit.fuse[1]), 0)  # equation 3
    rows = _array(unit.select.weight)[:, :, 0, 0].reshape(3, 8, 4)
    exponentials = np.exp(np.einsum("nd,mcd->nmc", compact, rows))
    weights = exponentials / exponentials.sum(axis=1, keepdims=True)  # equation 5
    output = sum(b * weights[:, m, :, None, None] for m, b in enumerate(branches))  # equation 6

    for found, expected in (
        (trace.branches, np.stack(branches, axis=1)),
        (trace.summed, summed),
        (trace.pooled, pooled),
        (trace.compact, compact),
        (trace.weights, weights),
        (trace.output, output),
        (unit(x), output),
        (unit.forward_with_weights(x)[1], weights),
    ):
        np.testing.assert_allclose(_array(found), expected, atol=1e-5)


@pytest.mark.parametrize(
    ("channels", "reduction", "least", "features"),
    [(128, 16, 32, 32), (1024, 16, 32, 64), (256, 4, 32, 64), (64, 2, 8, 32)],
)
def test_compact_feature_has_the_length_of_equation_four(channels, reduction, least, features):
    unit = SelectiveKernelConv(channels, reduction=reduction, min_features=least)
    assert unit.fuse[0].out_channels == features


@settings(max_examples=25, deadline=None)
@given(
    channels=st.sampled_from([4, 8, 12]),
    branches=st.integers(2, 4),
    groups=st.sampled_from([1, 2, 4]),
    stride=st.integers(1, 2),
    size=st.integers(5, 12),
    dense=st.booleans(),
    fuse=st.sampled_from(["normalised", "plain"]),
    seed=st.integers(0, 2**16),
)
def test_laws_of_every_unit(channels, branches, groups, stride, size, dense, fuse, seed):
    torch.manual_seed(seed)
    kernels = tuple(3 + 2 * i for i in range(branches))
    unit = SelectiveKernelConv(
        channels, kernels=kernels, groups=groups, stride=stride, dense=dense, fuse=fuse
    ).eval()
    x = torch.randn(2, channels, size, size)
    with torch.no_grad():
        output, weights = unit.forward_with_weights(x)
        assert output.shape == (2, channels, -(-size // stride), -(-size // stride))
        assert weights.shape == (2, branches, channels)
        assert (weights >= 0).all()
        torch.testing.assert_close(weights.sum(dim=1), torch.ones(2, channels))
        # A weighted mean lies between its parts.
        parts = torch.stack([branch(x) for branch in unit.branches])
        assert (output <= parts.amax(0) + 1e-5).all()
        assert (output >= parts.amin(0) - 1e-5).all()
        # Its own weights held change nothing; one branch held is that branch.
        torch.testing.assert_close(unit.forward_with_weights(x, weights)[0], output)
        last = torch.zeros(1, branches, channels)
        last[:, -1] = 1
        held, chosen = unit.forward_with_weights(x, last)
        torch.testing.assert_close(held, parts[-1])
        torch.testing.assert_close(chosen, weights)


def test_one_branch_is_the_plain_convolution():
    unit = SelectiveKernelConv(8, kernels=(5,), groups=2)
    x = torch.randn(2, 8, 7, 7)
    output, weights = unit.eval().forward_with_weights(x)
    assert weights is None
    torch.testing.assert_close(output, unit.branches[0](x))
    with pytest.raises(ModelError, match="selects nothing"):
        unit.trace(x)


def test_summed_branches_select_nothing():
    unit = SelectiveKernelConv(8, groups=2, fuse="sum").eval()
    x = torch.randn(2, 8, 7, 7)
    output, weights = unit.forward_with_weights(x)
    assert weights is None
    torch.testing.assert_close(output, unit.branches[0](x) + unit.branches[1](x))


def test_dilated_and_dense_kernels_have_the_same_extent():
    """The gradient of one output pixel reaches as far as the kernel's extent."""
    for dense in (False, True):
        unit = SelectiveKernelConv(2, kernels=(3, 5, 7), groups=1, dense=dense).eval()
        for kernel, branch in zip((3, 5, 7), unit.branches, strict=True):
            x = torch.zeros(1, 2, 15, 15, requires_grad=True)
            branch[0](x)[0, 0, 7, 7].backward()
            touched = x.grad.abs().sum(dim=(0, 1)).nonzero()
            extent = touched.amax(0) - touched.amin(0) + 1
            assert extent.tolist() == [kernel, kernel]


def _from_note(note: nn.Module, unit: SelectiveKernelConv) -> None:
    """The weights of the note's unit in this project's."""
    with torch.no_grad():
        for ours, theirs in zip(unit.branches, note.convs, strict=True):
            ours.load_state_dict(theirs.state_dict())
        unit.fuse[0].weight.copy_(note.fc.weight[:, :, None, None])
        unit.fuse[0].bias.copy_(note.fc.bias)
        unit.select.weight.copy_(torch.cat([fc.weight for fc in note.fcs])[:, :, None, None])
        unit.select.bias.copy_(torch.cat([fc.bias for fc in note.fcs]))


@pytest.mark.parametrize("branches", [2, 3])
def test_expresses_the_unit_of_the_note(foreign, randomised, branches):
    torch.manual_seed(0)
    note = randomised(foreign.NoteSKConv(16, M=branches, G=4, r=2, stride=2))
    unit = SelectiveKernelConv(
        16,
        kernels=(3, 5, 7)[:branches],
        groups=4,
        stride=2,
        reduction=2,
        dense=True,
        fuse="plain",
        bias=True,
    ).eval()
    _from_note(note, unit)
    x = torch.randn(3, 16, 10, 10)
    torch.testing.assert_close(unit(x), note(x))


def test_demo_of_the_note(foreign):
    with torch.device("meta"):
        unit = SelectiveKernelConv(256, groups=1, reduction=2, dense=True, fuse="plain", bias=True)
        note = foreign.NoteSKConv(256, M=2, G=1, r=2)
        output = unit(torch.empty(32, 256, 24, 24))
    assert output.shape == (32, 256, 24, 24)
    assert sum(p.numel() for p in unit.parameters()) == 2_328_704
    assert sum(p.numel() for p in note.parameters()) == 2_328_704


@pytest.mark.parametrize("kernels", [(), (2, 3), (1, 3), (5, 3)])
def test_kernels_that_make_no_sense(kernels):
    with pytest.raises(ModelError, match="Kernels must"):
        SelectiveKernelConv(8, kernels=kernels)
