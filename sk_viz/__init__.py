"""Watch a selective kernel network choose its receptive field.

``import sk_viz`` costs nothing: each name of ``__init__.pyi`` is imported when it is first used.
"""

from __future__ import annotations

import lazy_loader

from sk_viz.display import Display, use_display
from sk_viz.version import __version__ as __version__


def _display() -> Display:
    from sk_viz.publish import summary

    return summary


use_display(_display)

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
