import pytest
import torch

from sk_viz.training.activations import Body, Tail


@pytest.mark.parametrize("first", ["SK_2_1", "SK_3_1", "head"])
def test_the_parts_of_a_network_are_the_network(model, first):
    network = model.network.eval()
    x = torch.randn(2, 3, 32, 32)
    with torch.no_grad():
        parts = Tail(network, first)(Body(network, first)(x))
        torch.testing.assert_close(parts, network(x))
