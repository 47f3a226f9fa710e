import torch

from sk_viz.networks.sknet import SKNet
from sk_viz.training.optimisation import average, keep_branches_exact, optimiser_of


def test_the_average_follows_the_weights_and_takes_counters_as_they_are():
    averaged, network = (torch.nn.BatchNorm2d(2) for _ in range(2))
    with torch.no_grad():
        network.weight.fill_(3.0)
        network.num_batches_tracked.fill_(7)
    average(averaged, network, 0.75)
    assert averaged.weight.tolist() == [1.5, 1.5]
    assert averaged.num_batches_tracked == 7


def test_only_the_branches_convolutions_stay_exact(two_classes):
    network = SKNet(two_classes)
    names = list(network.state_dict())
    keep_branches_exact(network)
    assert list(network.state_dict()) == names
    outputs = {}
    for name, part in network.named_modules():
        if isinstance(part, torch.nn.Conv2d):
            part.register_forward_hook(
                lambda _m, _i, output, name=name: outputs.update({name: output.dtype})
            )
    with torch.autocast("cpu", torch.bfloat16):
        network(torch.zeros(2, 3, 32, 32))
    assert len(outputs) > 8
    for name, dtype in outputs.items():
        assert dtype == (torch.float32 if ".branches." in name else torch.bfloat16), name


def test_muon_moves_what_is_within_and_adamw_the_rest(two_classes):
    network = SKNet(two_classes)
    groups = optimiser_of(network, 4e-3, 0.05).param_groups
    names = {id(p): name for name, p in network.named_parameters()}
    within, ends, vectors = ({names[id(p)] for p in group["params"]} for group in groups)
    assert within | ends | vectors == set(names.values())
    assert ends == {"stem.0.weight", "head.weight"}
    assert "blocks.SK_2_1.sk.branches.1.0.weight" in within
    assert [group.get("use_fallback", False) for group in groups] == [False, True, True]
    assert [group["weight_decay"] for group in groups] == [0.05, 0.05, 0.0]
