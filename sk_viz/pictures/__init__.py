"""What a network is shown: decoding, the protocols of scale, and the sample pictures."""

from sk_viz.pictures.cutouts import BASE_SIZE
from sk_viz.pictures.geometry import Box
from sk_viz.pictures.picture import Cutout, Picture, PictureLike, read_cutout, read_picture
from sk_viz.pictures.presentation import Presentation
from sk_viz.pictures.samples import Sample, read_named, read_sample, samples
from sk_viz.pictures.scales import (
    CHECKS,
    PROTOCOLS,
    Protocol,
    check_point,
    check_protocol,
    check_scales,
    exact,
    parse_scales,
)
from sk_viz.pictures.stimuli import (
    CENTRE,
    FILTER,
    Background,
    Stimulus,
    detail_lost,
    normalise,
    stimuli,
    window,
)

__all__ = [
    "BASE_SIZE",
    "CENTRE",
    "CHECKS",
    "FILTER",
    "PROTOCOLS",
    "Background",
    "Box",
    "Cutout",
    "Picture",
    "PictureLike",
    "Presentation",
    "Protocol",
    "Sample",
    "Stimulus",
    "check_point",
    "check_protocol",
    "check_scales",
    "detail_lost",
    "exact",
    "normalise",
    "parse_scales",
    "read_cutout",
    "read_named",
    "read_picture",
    "read_sample",
    "samples",
    "stimuli",
    "window",
]
