"""The network of the server's owner, set where the app is started, never by a page."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import sk_viz
from sk_viz.app.state.settings import DEFAULT_MODEL
from sk_viz.errors import ModelError
from sk_viz.zoo.factory import is_factory

if TYPE_CHECKING:
    from sk_viz.zoo.model import Model


def load(model_id: str, device: str) -> Model:
    """Load a model by its id; the default model with what the environment says of it.

    ``SK_VIZ_WEIGHTS`` and ``SK_VIZ_INPUT_SIZE`` go with a default model of the form
    ``FILE.py:FACTORY``, as ``sk-viz app --model ... --weights ... --input-size ...`` sets them.

    Raises:
        ModelError: it cannot be loaded, or it is a factory that is not the default model: the code
            of a file is run for the owner of the server alone.
    """
    if not is_factory(model_id):
        return sk_viz.load_model(model_id, device=device)
    if model_id != DEFAULT_MODEL:
        raise ModelError(
            f"{model_id} is a network of its own, which a page does not load: start the app with "
            "sk-viz app --model FILE.py:FACTORY."
        )
    size = os.environ.get("SK_VIZ_INPUT_SIZE")
    return sk_viz.load_model(
        model_id,
        device,
        weights=os.environ.get("SK_VIZ_WEIGHTS"),
        input_size=int(size) if size else None,
    )
