"""Modules that resemble an SK unit but whose weights do not choose a kernel's size."""

from __future__ import annotations

from torch import nn

_EQUAL = "its two branches are 3x3 convolutions of the same extent"


def lookalike_reason(module: nn.Module) -> str | None:
    """Why a module that resembles an SK unit is none; None if it does not resemble one.

    Sources: PytorchInsight's ``resnet_sk``; the SK convolution of SimCLRv2 and assembled-cnn, as
    in its PyTorch port; Holocron's ``SKConv2d``; ResNeSt's split attention.
    """
    if _has(module, "conv2", "conv2g", "conv_fc2"):
        return f"{_EQUAL}, one dense and one grouped (PytorchInsight)."
    if _has(module, "main_conv", "mixing_conv"):
        return f"{_EQUAL} and groups (SimCLRv2, assembled-cnn)."
    gate = getattr(module, "sa", None)
    if _has(module, "path_convs") and isinstance(gate, nn.Module):
        if any(isinstance(m, nn.Sigmoid) for m in gate.modules()):
            return (
                "it puts a sigmoid before its softmax, so that a weight of two branches cannot "
                "leave [.269, .731] (Holocron)."
            )
        return "its softmax is not a module, so its weights cannot be read (Holocron)."
    if _has(module, "radix", "rsoftmax"):
        return "all its splits have the same kernel (ResNeSt's split attention)."
    return None


def _has(module: nn.Module, *names: str) -> bool:
    return all(hasattr(module, name) for name in names)
