"""Cutting an object out of a photograph, so that ``object`` can scale it in its own scene."""

from __future__ import annotations

import hashlib
from typing import NamedTuple

import cv2
import numpy as np

from sk_viz.errors import PictureError
from sk_viz.pictures.decoding.formats import Pixels
from sk_viz.pictures.geometry import Box, intersection
from sk_viz.pictures.picture import Cutout, Picture, frozen

_ROUNDS = 5
_LONGEST = 640  # pixels: GrabCut takes seconds on more, and its edge is no better
_LEAST = 8  # pixels of a box's side
_MARGIN = 0.02  # of the longer side, around the object, filled with it


class Cut(NamedTuple):
    """An object and what is left without it.

    Attributes:
        object: the object, transparent around it.
        scene: the photograph with the object's place filled from around it.
    """

    object: Cutout
    scene: Picture


def cut_out(picture: Picture, box: Box) -> Cut:
    """Cut the object in a box out of a photograph, and fill its place.

    By GrabCut (Rother, Kolmogorov, Blake, SIGGRAPH 2004) and the inpainting of Telea (2004), both
    as in OpenCV. What lies outside the box is background.

    Args:
        picture: the photograph.
        box: around the whole object, in the picture's pixels.

    Raises:
        PictureError: a box outside the picture or too small, or one that holds no object apart
            from what lies around it.
    """
    frame = Box(0.0, 0.0, float(picture.width), float(picture.height))
    inside = intersection(box, frame)
    if inside is None or min(inside.width, inside.height) < _LEAST:
        raise PictureError(f"Draw a box of at least {_LEAST} pixels around the object.")
    if inside == frame:
        raise PictureError("The box covers the whole picture: leave some of what is around out.")
    mask = _object_mask(picture, inside)
    if not mask.any():
        raise PictureError(
            "No object stands out from its surroundings in this box: draw it closer, or around "
            "another object."
        )
    rgba = np.dstack([picture.pixels, np.where(mask, 255, 0).astype(np.uint8)])
    name = f"{picture.name} (object)"
    cutout = Cutout(
        picture.pixels, hashlib.sha256(rgba.tobytes()).hexdigest(), name, "cut out", frozen(rgba)
    )
    reach = max(1, round(_MARGIN * max(picture.width, picture.height)))
    grown = cv2.dilate(mask.astype(np.uint8), np.ones((2 * reach + 1, 2 * reach + 1), np.uint8))
    filled = np.asarray(cv2.inpaint(picture.pixels, grown, reach, cv2.INPAINT_TELEA), np.uint8)
    digest = hashlib.sha256(filled.tobytes()).hexdigest()
    scene = Picture(frozen(filled), digest, f"{picture.name} (scene)", "filled")
    return Cut(cutout, scene)


def _object_mask(picture: Picture, box: Box) -> np.ndarray:
    """bool (H, W): what GrabCut takes for the object."""
    ratio = min(1.0, _LONGEST / max(picture.width, picture.height))
    size = (max(1, round(picture.width * ratio)), max(1, round(picture.height * ratio)))
    small: Pixels = np.asarray(
        cv2.resize(picture.pixels, size, interpolation=cv2.INTER_AREA), np.uint8
    )
    left, top = int(box.left * ratio), int(box.top * ratio)
    right, bottom = int(np.ceil(box.right * ratio)), int(np.ceil(box.bottom * ratio))
    mask: Pixels = np.full(small.shape[:2], cv2.GC_BGD, np.uint8)
    mask[top:bottom, left:right] = cv2.GC_PR_FGD
    models = np.zeros((1, 65)), np.zeros((1, 65))
    cv2.setRNGSeed(0)  # GrabCut draws its first clusters: equal pictures give equal cuts
    try:
        cv2.grabCut(small, mask, (0, 0, 0, 0), *models, _ROUNDS, cv2.GC_INIT_WITH_MASK)
    except cv2.error:  # too few pixels inside or around to tell apart
        return np.zeros(picture.pixels.shape[:2], bool)
    found = np.isin(mask, (cv2.GC_FGD, cv2.GC_PR_FGD)).astype(np.uint8)
    full = cv2.resize(found, (picture.width, picture.height), interpolation=cv2.INTER_NEAREST)
    return np.asarray(full, bool)
