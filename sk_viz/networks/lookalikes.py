"""Modules that resemble an SK unit but whose weights do not choose a kernel's size."""

from __future__ import annotations

from torch import nn

_EQUAL = "its two branches are 3x3 convolutions of the same extent"


def lookalike_reason(module: nn.Module) -> str | None:
    """Why a module that resembles an SK unit is none; None if it does not resemble one.

    This project's own unit is one of them where it selects nothing. Others, with their sources:
    PytorchInsight's ``resnet_sk``; the SK convolution of SimCLRv2 and assembled-cnn, as
    in its PyTorch port; Holocron's ``SKConv2d``; ResNeSt's split attention.
    """
    reasons = (
        (
            _has(module, "conv2", "conv2g", "conv_fc2"),
            f"{_EQUAL}, one dense and one grouped (PytorchInsight).",
        ),
        (
            _has(module, "main_conv", "mixing_conv"),
            f"{_EQUAL} and groups (SimCLRv2, assembled-cnn).",
        ),
        (
            _has(module, "path_convs", "sa"),
            "it puts a sigmoid before its softmax, so that a weight of two branches cannot leave "
            "[.269, .731] (Holocron).",
        ),
        (
            _has(module, "radix", "rsoftmax"),
            "all its splits have the same kernel (ResNeSt's split attention).",
        ),
        (
            getattr(module, "selects", None) is False,
            "it has one branch or adds its branches, so it selects nothing.",
        ),
    )
    return next((reason for resembles, reason in reasons if resembles), None)


def _has(module: nn.Module, *names: str) -> bool:
    return all(hasattr(module, name) for name in names)
