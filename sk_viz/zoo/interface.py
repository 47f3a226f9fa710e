"""One interface for every network: pictures (N, 3, H, W) in, logits (N, K) out."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor, nn

from sk_viz.errors import ModelError
from sk_viz.networks.tracing.example import PICTURES

# What a network's output is read as.
Form = Literal["logits", "probabilities", "none"]

_LUMA = (0.299, 0.587, 0.114)  # ITU-R BT.601, as Pillow's mode "L"
_TOLERANCE = 1e-3  # of half precision, over the sum of many probabilities


@dataclass(frozen=True)
class Answer:
    """What a network returns for pictures.

    Attributes:
        form: ``"logits"``, ``"probabilities"``, or ``"none"`` if it predicts no classes.
        classes: K, the number of logits; 0 if it predicts none.
        sentence: what to say of the output; empty for logits.
        plain: whether the output is the logits (N, K) as they are, for any number of pictures.
    """

    form: Form
    classes: int
    sentence: str
    plain: bool


class Interface(nn.Module):
    """A network whose input or output is adapted.

    Args:
        network: any network that takes pictures.
        channels: 3, or 1 for a network of grey pictures: it is given the luma of the colours.
        form: what its output is read as.
        output: takes what the network returns and gives its logits.
    """

    def __init__(
        self,
        network: nn.Module,
        channels: int = 3,
        form: Form = "logits",
        output: Callable[[Any], Any] | None = None,
    ) -> None:
        super().__init__()
        self.network = network
        self.channels = channels
        self.form: Form = form
        self.output = output

    def forward(self, x: Tensor) -> Tensor:
        """Logits (N, K) of pictures (N, 3, H, W); K is 0 for a network that predicts no classes."""
        answer = self.network(grey(x) if self.channels == 1 else x)
        if self.form == "none":
            return x.new_zeros(len(x), 0)
        if self.output is not None:
            answer = self.output(answer)
        answer = answer.reshape(len(x), -1)  # a head may squeeze the axis of one picture
        if self.form == "probabilities":
            # The softmax of the logarithm of probabilities is the probabilities.
            answer = answer.clamp_min(torch.finfo(answer.dtype).tiny).log()
        result: Tensor = answer
        return result


def grey(x: Tensor) -> Tensor:
    """(N, 1, H, W) luma of colours (N, 3, H, W) that are normalised alike in each channel."""
    shares = x.new_tensor(_LUMA)[:, None, None]
    return (x * shares).sum(dim=1, keepdim=True)


def look(
    network: nn.Module, pictures: Tensor, output: Callable[[Any], Any] | None = None
) -> Answer:
    """Tell what a network returns, by asking it with several pictures and with one.

    Args:
        network: in evaluation mode; it is not changed.
        pictures: at least two, as the network takes them.
        output: takes what the network returns and gives its logits.

    Raises:
        ModelError: the network does not run on the pictures; the message names the module.
    """
    several = run(network, pictures)
    one = run(network, pictures[:1])
    if output is not None:
        several, one = _applied(output, several), _applied(output, one)
    if getattr(network, "num_classes", None) == 0:
        return Answer("none", 0, "It was built without classes (num_classes=0).", False)
    if not isinstance(several, Tensor):
        return Answer("none", 0, f"It returns {_words(several)} and no class logits.", False)
    count = len(pictures)
    if several.ndim != 2 or len(several) != count or several.shape[1] < 2:
        shape = tuple(several.shape)
        return Answer("none", 0, f"It returns values of the shape {shape}, no class logits.", False)
    squeezed = not isinstance(one, Tensor) or one.shape != (1, several.shape[1])
    values = several.float()
    sums = values.sum(dim=1)
    if bool((values >= 0).all()) and bool(((sums - 1).abs() < _TOLERANCE).all()):
        sentence = "It returns probabilities, whose logarithm is taken for its logits."
        return Answer("probabilities", several.shape[1], sentence, False)
    return Answer("logits", several.shape[1], "", not squeezed and output is None)


def run(network: nn.Module, pictures: Tensor) -> Any:
    """What a network returns for pictures.

    Raises:
        ModelError: it does not run; the message names the innermost module and its input's shape.
    """
    entered: list[tuple[str, nn.Module, tuple[Any, ...]]] = []

    def enter(path: str) -> Callable[[nn.Module, tuple[Any, ...]], None]:
        return lambda module, inputs: entered.append((path, module, inputs))

    def leave(_module: nn.Module, _inputs: Any, _output: Any) -> None:
        entered.pop()

    handles = []
    try:
        for path, module in network.named_modules():
            handles.append(module.register_forward_pre_hook(enter(path)))
            handles.append(module.register_forward_hook(leave))
        with torch.no_grad():
            return network(pictures)
    except Exception as error:  # a forward of somebody else may raise anything
        path, module, inputs = entered[-1] if entered else ("", network, (pictures,))
        shapes = ", ".join(str(tuple(x.shape)) for x in inputs if isinstance(x, Tensor))
        raise ModelError(
            f"The network does not run on pictures of the shape {tuple(pictures.shape)}: "
            f"{path or 'its forward'} ({type(module).__name__}) failed on {shapes or 'its input'} "
            f"with {_brief(error)}. Give input_size, or an example of its input."
        ) from error
    finally:
        for handle in handles:
            handle.remove()


def noise(channels: int, side: int, like: Tensor) -> Tensor:
    """The same pictures of noise (2, channels, side, side) for every call, placed as ``like``."""
    generator = torch.Generator("cpu").manual_seed(0)
    made = torch.randn((PICTURES, channels, side, side), generator=generator, device="cpu")
    return made.to(like.device, torch.float32)


def _applied(output: Callable[[Any], Any], returned: Any) -> Any:
    try:
        return output(returned)
    except Exception as error:  # what somebody else wrote may raise anything
        raise ModelError(
            f"The function given as output failed on what the network returns, "
            f"{_words(returned)}: {_brief(error)}. Let it return the logits (N, K)."
        ) from error


def _words(returned: Any) -> str:
    if isinstance(returned, Tensor):
        return f"a tensor of the shape {tuple(returned.shape)}"
    if isinstance(returned, Mapping):
        return f"a dict with {', '.join(map(str, returned))}"
    if isinstance(returned, list | tuple):
        return f"a {type(returned).__name__} of {len(returned)}"
    return f"a {type(returned).__name__}"


def _brief(error: Exception) -> str:
    text = str(error).strip().split("\n", 1)[0] or type(error).__name__
    return text.rstrip(".") if len(text) <= 160 else f"{text[:157]}..."
