"""Watch a selective kernel network choose its receptive field.

``import sk_viz`` costs nothing: each name is imported when it is first used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from sk_viz.display import Display, use_display
from sk_viz.version import __version__ as __version__

if TYPE_CHECKING:
    from sk_viz.errors import ModelError as ModelError
    from sk_viz.errors import PictureError as PictureError
    from sk_viz.errors import ScaleError as ScaleError
    from sk_viz.measures.attribution.attribute import Attribution as Attribution
    from sk_viz.measures.attribution.attribute import attribute as attribute
    from sk_viz.measures.choice.intervention import Effect as Effect
    from sk_viz.measures.choice.intervention import intervene as intervene
    from sk_viz.measures.fields.receptive_field import ReceptiveField as ReceptiveField
    from sk_viz.measures.fields.receptive_field import receptive_field as receptive_field
    from sk_viz.measures.sweep.result import Sweep as Sweep
    from sk_viz.measures.sweep.run import sweep as sweep
    from sk_viz.networks.units import units as units
    from sk_viz.pictures import parse_scales as parse_scales
    from sk_viz.pictures import read_cutout as read_cutout
    from sk_viz.pictures import read_picture as read_picture
    from sk_viz.pictures import samples as samples
    from sk_viz.zoo.model import list_models as list_models
    from sk_viz.zoo.model import load_model as load_model
    from sk_viz.zoo.read import readout as readout


def _display() -> Display:
    from sk_viz.publish import summary

    return summary


use_display(_display)

_PLACES = {
    "Attribution": "sk_viz.measures.attribution.attribute",
    "Effect": "sk_viz.measures.choice.intervention",
    "ModelError": "sk_viz.errors",
    "PictureError": "sk_viz.errors",
    "ReceptiveField": "sk_viz.measures.fields.receptive_field",
    "ScaleError": "sk_viz.errors",
    "Sweep": "sk_viz.measures.sweep.result",
    "attribute": "sk_viz.measures.attribution.attribute",
    "intervene": "sk_viz.measures.choice.intervention",
    "list_models": "sk_viz.zoo.model",
    "load_model": "sk_viz.zoo.model",
    "parse_scales": "sk_viz.pictures",
    "read_cutout": "sk_viz.pictures",
    "read_picture": "sk_viz.pictures",
    "readout": "sk_viz.zoo.read",
    "receptive_field": "sk_viz.measures.fields.receptive_field",
    "samples": "sk_viz.pictures",
    "sweep": "sk_viz.measures.sweep.run",
    "units": "sk_viz.networks.units",
}
_FOLDERS = ("figures", "measures", "networks", "pictures", "surveys", "training")

__all__ = [*sorted(_PLACES)]  # noqa: PLE0604


def __getattr__(name: str) -> Any:
    """A public name, from the module it lives in (PEP 562)."""
    if name in _PLACES:
        value = getattr(import_module(_PLACES[name]), name)
    elif name in _FOLDERS:
        value = import_module(f"{__name__}.{name}")
    else:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__, *_FOLDERS})
