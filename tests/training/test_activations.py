import torch

from sk_viz.training.activations import Body, Tail


def test_the_parts_of_a_network_are_the_network(model):
    network = model.network.eval()
    x = torch.randn(2, 3, 32, 32)
    with torch.no_grad():
        parts = Tail(network, "SK_3_1")(Body(network, "SK_3_1")(x))
        torch.testing.assert_close(parts, network(x))
