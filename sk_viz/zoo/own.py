"""How this project's own networks want their pictures, said in one place."""

from __future__ import annotations

from collections.abc import Mapping

from sk_viz.networks.sknet import Stem
from sk_viz.preprocessing import Preprocessing

# By the stem, which sets the resolution that a network is made for; that of the bundled network is
# also in its config.json, and a test compares the two.
OWN_PREPROCESSING: Mapping[Stem, Preprocessing] = {
    "imagenet": Preprocessing(),
    "small": Preprocessing(88, 1.0),
    "cifar": Preprocessing(32, 1.0),
}
