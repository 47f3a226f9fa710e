"""Small networks in the structure of other projects, to be found and read."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace

import pytest
import torch
from torch import Tensor, nn

torch.set_num_threads(1)


def randomise(network: nn.Module, seed: int = 0) -> nn.Module:
    """Statistics and scales of every norm as if it had been trained; ready for evaluation."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for module in network.modules():
            if isinstance(module, nn.BatchNorm2d):
                count = module.num_features
                module.running_mean.copy_(torch.randn(count, generator=generator) * 0.2)
                module.running_var.copy_(torch.rand(count, generator=generator) + 0.5)
                module.weight.copy_(torch.rand(count, generator=generator) * 0.5 + 0.3)
                module.bias.copy_(torch.randn(count, generator=generator) * 0.1)
    return network.eval()


class NoteSKConv(nn.Module):
    """The unit of the note that this project began with, after pppLang/SKNet."""

    def __init__(self, features: int, M: int, G: int, r: int, stride: int = 1, L: int = 32):  # noqa: N803
        super().__init__()
        d = max(features // r, L)
        self.convs = nn.ModuleList(
            nn.Sequential(
                nn.Conv2d(features, features, 3 + 2 * i, stride, padding=1 + i, groups=G),
                nn.BatchNorm2d(features),
                nn.ReLU(inplace=False),
            )
            for i in range(M)
        )
        self.fc = nn.Linear(features, d)
        self.fcs = nn.ModuleList(nn.Linear(d, features) for _ in range(M))
        self.softmax = nn.Softmax(dim=1)

    def forward(self, x: Tensor) -> Tensor:
        feas = torch.cat([conv(x).unsqueeze(dim=1) for conv in self.convs], dim=1)
        z = self.fc(feas.sum(dim=1).mean(-1).mean(-1))
        vectors = self.softmax(torch.cat([fc(z).unsqueeze(dim=1) for fc in self.fcs], dim=1))
        # In place, as in the first version upstream: what was read must not change with it.
        return (feas * vectors.unsqueeze_(-1).unsqueeze_(-1)).sum(dim=1)


class BranchFirstAttention(nn.Module):
    """The branches on the first axis of the softmax, as in External-Attention-pytorch."""

    def __init__(self, channel: int, kernels: tuple[int, ...] = (1, 3, 5)):
        super().__init__()
        self.convs = nn.ModuleList(
            nn.Sequential(nn.Conv2d(channel, channel, k, padding=k // 2), nn.ReLU())
            for k in kernels
        )
        self.fc = nn.Linear(channel, 32)
        self.fcs = nn.ModuleList(nn.Linear(32, channel) for _ in kernels)
        self.softmax = nn.Softmax(dim=0)

    def forward(self, x: Tensor) -> Tensor:
        feats = torch.stack([conv(x) for conv in self.convs], 0)
        s = self.fc(feats.sum(0).mean(-1).mean(-1))
        weights = self.softmax(torch.stack([fc(s)[:, :, None, None] for fc in self.fcs], 0))
        return (weights * feats).sum(0)


def _conv_block(cin: int, cout: int, size: int = 1, act: bool = True, **kw: int) -> nn.Module:
    block = nn.Module()
    block.conv = nn.Conv2d(cin, cout, size, bias=False, **kw)
    block.bn = nn.BatchNorm2d(cout)
    if act:
        block.activ = nn.ReLU(inplace=True)
    block.forward = lambda x: (  # type: ignore[method-assign]
        block.activ(block.bn(block.conv(x))) if act else block.bn(block.conv(x))
    )
    return block


class _Stack(nn.Sequential):
    def forward(self, x: Tensor) -> Tensor:
        return torch.stack([module(x) for module in self], dim=1)


class _PytorchcvConv(nn.Module):
    def __init__(self, channels: int, stride: int):
        super().__init__()
        self.shape = (2, channels)
        self.branches = _Stack()
        for i in range(2):
            self.branches.add_module(
                f"branch{i + 2}",
                _conv_block(
                    channels, channels, 3, stride=stride, padding=1 + i, dilation=1 + i, groups=32
                ),
            )
        d = max(channels // 16, 32)
        self.fc1 = _conv_block(channels, d)
        self.fc2 = nn.Conv2d(d, 2 * channels, 1, bias=False)
        self.softmax = nn.Softmax(dim=1)

    def forward(self, x: Tensor) -> Tensor:
        y = self.branches(x)
        w = self.fc2(self.fc1(y.sum(dim=1).mean((2, 3), keepdim=True)))
        w = self.softmax(w.view(len(w), *self.shape))
        return (y * w[..., None, None]).sum(dim=1)


class _PytorchcvUnit(nn.Module):
    def __init__(self, cin: int, cout: int, stride: int):
        super().__init__()
        self.body = nn.Sequential()
        self.body.add_module("conv1", _conv_block(cin, cout // 2))
        self.body.add_module("conv2", _PytorchcvConv(cout // 2, stride))
        self.body.add_module("conv3", _conv_block(cout // 2, cout, act=False))
        if cin != cout or stride != 1:
            self.identity_conv = _conv_block(cin, cout, act=False, stride=stride)

    def forward(self, x: Tensor) -> Tensor:
        identity = self.identity_conv(x) if hasattr(self, "identity_conv") else x
        return torch.relu(self.body(x) + identity)


class PytorchcvSKNet(nn.Module):
    """pytorchcv's ``SKNet``, narrow, with two stages."""

    def __init__(self, depths: tuple[int, ...] = (2, 2), classes: int = 7):
        super().__init__()
        self.features = nn.Sequential()
        init = nn.Sequential()
        init.add_module("conv", _conv_block(3, 16, 7, stride=2, padding=3))
        init.add_module("pool", nn.MaxPool2d(3, 2, 1))
        self.features.add_module("init_block", init)
        cin = 16
        for i, depth in enumerate(depths):
            stage = nn.Sequential()
            for j in range(depth):
                cout = 64 * 2**i
                stage.add_module(
                    f"unit{j + 1}", _PytorchcvUnit(cin, cout, 2 if j == 0 and i else 1)
                )
                cin = cout
            self.features.add_module(f"stage{i + 1}", stage)
        self.features.add_module("final_pool", nn.AdaptiveAvgPool2d(1))
        self.output = nn.Linear(cin, classes)

    def forward(self, x: Tensor) -> Tensor:
        return self.output(self.features(x).flatten(1))


class _Syt2Conv(nn.Module):
    def __init__(self, channels: int, stride: int):
        super().__init__()
        d = max(channels // 16, 32)
        self.convs = nn.ModuleList(
            nn.Sequential(
                nn.Conv2d(
                    channels, channels, 3, stride, 1 + i, dilation=1 + i, groups=32, bias=False
                ),
                nn.BatchNorm2d(channels),
                nn.ReLU(inplace=True),
            )
            for i in range(2)
        )
        self.fc = nn.Sequential(
            nn.Conv2d(channels, d, 1, bias=False), nn.BatchNorm2d(d), nn.ReLU(inplace=True)
        )
        self.fcs = nn.ModuleList(nn.Conv2d(d, channels, 1) for _ in range(2))
        self.softmax = nn.Softmax(dim=1)

    def forward(self, x: Tensor) -> Tensor:
        y = torch.stack([conv(x) for conv in self.convs], dim=1)
        z = self.fc(y.sum(dim=1).mean((2, 3), keepdim=True))
        return (y * self.softmax(torch.stack([fc(z) for fc in self.fcs], dim=1))).sum(dim=1)


class _Syt2Unit(nn.Module):
    def __init__(self, cin: int, mid: int, cout: int, stride: int):
        super().__init__()

        def conv(a: int, b: int, stride: int = 1) -> list[nn.Module]:
            return [nn.Conv2d(a, b, 1, stride, bias=False), nn.BatchNorm2d(b)]

        self.conv1 = nn.Sequential(*conv(cin, mid), nn.ReLU(inplace=True))
        self.conv2 = _Syt2Conv(mid, stride)
        self.conv3 = nn.Sequential(*conv(mid, cout))
        self.shortcut = nn.Sequential(*([] if cin == cout else conv(cin, cout, stride)))
        self.relu = nn.ReLU(inplace=True)

    def forward(self, x: Tensor) -> Tensor:
        return self.relu(self.conv3(self.conv2(self.conv1(x))) + self.shortcut(x))


class Syt2SKNet(nn.Module):
    """syt2/SKNet's ``sknet``, narrow, with two stages."""

    def __init__(self, depths: tuple[int, ...] = (2, 2), classes: int = 7):
        super().__init__()
        self.basic_conv = nn.Sequential(
            nn.Conv2d(3, 16, 7, 2, 3, bias=False),
            nn.BatchNorm2d(16),
            nn.ReLU(inplace=True),
            nn.MaxPool2d(3, 2, 1),
        )
        cin = 16
        for i, depth in enumerate(depths):
            cout = 64 * 2**i
            blocks = []
            for j in range(depth):
                blocks.append(_Syt2Unit(cin, cout // 2, cout, 2 if j == 0 and i else 1))
                cin = cout
            setattr(self, f"stage_{i + 1}", nn.Sequential(*blocks))
        self.stages = len(depths)
        self.classifier = nn.Linear(cin, classes)

    def forward(self, x: Tensor) -> Tensor:
        x = self.basic_conv(x)
        for i in range(self.stages):
            x = getattr(self, f"stage_{i + 1}")(x)
        return self.classifier(x.mean((2, 3)))


class InsightBottleneck(nn.Module):
    """PytorchInsight's ``resnet_sk`` block: a dense and a grouped 3x3."""

    def __init__(self, planes: int = 32):
        super().__init__()
        self.conv1 = nn.Conv2d(planes, planes, 1, bias=False)
        self.conv2 = nn.Conv2d(planes, planes, 3, padding=1, bias=False)
        self.conv2g = nn.Conv2d(planes, planes, 3, padding=1, bias=False, groups=32)
        self.conv_fc1 = nn.Conv2d(planes, 4, 1, bias=False)
        self.conv_fc2 = nn.Conv2d(4, 2 * planes, 1, bias=False)


class SimclrSelectiveKernel(nn.Module):
    """SimCLRv2's block in its PyTorch port: one 3x3 of twice the channels, then a softmax."""

    def __init__(self, channels: int = 32):
        super().__init__()
        self.main_conv = nn.Sequential(nn.Conv2d(channels, 2 * channels, 3, padding=1))
        self.mixing_conv = nn.Conv2d(channels, 2 * channels, 1)


class HolocronConv(nn.Module):
    """Holocron's ``SKConv2d``: a sigmoid before the softmax."""

    def __init__(self, channels: int = 32):
        super().__init__()
        self.path_convs = nn.ModuleList(
            nn.Sequential(nn.Conv2d(channels, channels, 3, padding=1 + i, dilation=1 + i))
            for i in range(2)
        )
        self.sa = nn.Sequential(
            nn.AdaptiveAvgPool2d(1), nn.Conv2d(channels, 2 * channels, 1), nn.Sigmoid()
        )


@pytest.fixture(scope="session")
def foreign() -> SimpleNamespace:
    return SimpleNamespace(
        NoteSKConv=NoteSKConv,
        BranchFirstAttention=BranchFirstAttention,
        PytorchcvSKNet=PytorchcvSKNet,
        Syt2SKNet=Syt2SKNet,
        InsightBottleneck=InsightBottleneck,
        SimclrSelectiveKernel=SimclrSelectiveKernel,
        HolocronConv=HolocronConv,
    )


@pytest.fixture(scope="session")
def randomised() -> Callable[..., nn.Module]:
    return randomise
