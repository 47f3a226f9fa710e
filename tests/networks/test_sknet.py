"""The networks of the paper: their size, their cost, and what they return."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
import torch

from sk_viz.networks import SKNet, sknet26, sknet29_cifar, sknet50, sknet101, sknet_tiny
from sk_viz.zoo.catalogue import count_macs


def _parameters(network: SKNet) -> int:
    return sum(p.numel() for p in network.parameters())


@pytest.mark.parametrize(
    ("build", "parameters"),
    [
        (sknet26, 16_746_408),
        (sknet50, 27_479_784),
        (sknet101, 48_736_040),
        (lambda: sknet50(kernels=(3, 5, 7)), 29_249_512),
        (lambda: sknet50(fuse="sum"), 26_458_664),
        (lambda: sknet50(kernels=(3,)), 25_028_904),
        (sknet29_cifar, 28_256_394),
        # ResNeXt-29 16x32d, which the paper gives as 25.2M with 100 classes.
        (lambda: sknet29_cifar(kernels=(3,), groups=16, classes=100), 25_229_220),
    ],
)
def test_parameters_to_the_digit(build, parameters):
    with torch.device("meta"):
        assert _parameters(build()) == parameters


@pytest.mark.parametrize(
    ("build", "giga"),
    [
        (lambda: sknet50(kernels=(3, 5, 7)), 4.70),
        (lambda: sknet50(kernels=(3,)), 4.24),
    ],
)
def test_cost_within_one_percent_of_the_paper(build, giga):
    with torch.device("meta"):
        network = build().eval()
    assert count_macs(network, 224) == pytest.approx(giga * 1e9, rel=0.01)


@pytest.fixture(scope="module")
def tiny() -> SKNet:
    torch.manual_seed(0)
    network = sknet_tiny(classes=5).eval()
    network.wake()
    return network


def test_units_carry_the_names_of_the_paper():
    with torch.device("meta"):
        names = list(sknet50().blocks)
    assert names == [
        f"SK_{stage}_{block}"
        for stage, depth in zip((2, 3, 4, 5), (3, 4, 6, 3), strict=True)
        for block in range(1, depth + 1)
    ]


@pytest.mark.parametrize(("stem", "size"), [("imagenet", 8), ("small", 16), ("cifar", 32)])
def test_stem_decides_the_resolution(stem, size):
    network = sknet_tiny(stem=stem).eval()
    assert network.stem(torch.zeros(1, 3, 32, 32)).shape[-1] == size


def test_forward_returns_the_logits_alone(tiny):
    x = torch.randn(2, 3, 32, 32)
    with torch.no_grad():
        logits, weights = tiny.forward_with_weights(x)
        assert torch.equal(tiny(x), logits)
    assert logits.shape == (2, 5)
    assert [tuple(w.shape) for w in weights] == [
        (2, 2, block.sk.channels) for block in tiny.blocks.values()
    ]


def test_networks_that_select_nothing_return_no_weights():
    network = sknet_tiny(fuse="sum").eval()
    assert network.forward_with_weights(torch.randn(1, 3, 32, 32))[1] == []


def test_untrained_branches_speak_once_awake(tiny):
    x = torch.randn(2, 3, 32, 32)
    largest = {"SK_3_1": torch.tensor([0.0, 1.0])[None, :, None].expand(1, 2, 64)}
    silent = sknet_tiny(classes=5).eval()
    with torch.no_grad():
        assert torch.equal(silent(x), silent.forward_with_weights(x, largest)[0])
        assert not torch.allclose(tiny(x), tiny.forward_with_weights(x, largest)[0])


def test_threads_share_one_network(tiny):
    """Every thread gets the answers of its own pictures and its own held weights."""
    pictures = [torch.randn(1, 3, 32, 32) for _ in range(8)]
    held = [None, {"SK_2_1": torch.full((1, 2, 32), 0.5)}] * 4

    @torch.no_grad()
    def ask(i: int) -> tuple[torch.Tensor, list[torch.Tensor]]:
        return tiny.forward_with_weights(pictures[i], held[i])

    alone = [ask(i) for i in range(8)]
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(ask, list(range(8)) * 3))
    for i, (logits, weights) in enumerate(together):
        expected = alone[i % 8]
        torch.testing.assert_close(logits, expected[0])
        for a, b in zip(weights, expected[1], strict=True):
            torch.testing.assert_close(a, b)
