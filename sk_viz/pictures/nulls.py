"""Null stimuli: pictures made from a seed, on which a size effect must vanish or must be large.

- :func:`scale_free_noise` looks the same at every size, so nothing that a measure finds on it is
  due to size.
- :func:`blobs` and :func:`texture` have one size, so a measure of size must see them change it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from sk_viz.pictures.picture import Picture, frozen

Floats = npt.NDArray[np.float64]

# Contrast of the grey levels, and the share of the variance that the colours have in common:
# about those of photographs.
_CONTRAST = 50.0
_GREY = 0.9
_BLOB = 12.0  # pixels from one blob to the next at a side of 176
_OCTAVES = 0.3  # standard deviation of the bands, in octaves
_ANGLE = 0.25  # standard deviation of a texture's direction, radians


def scale_free_noise(seed: int, side: int = 512) -> Picture:
    """Colour noise whose amplitude falls as 1 / frequency, as in photographs (Field 1987).

    Every octave has the same power, so an enlarged part is distributed as the whole.

    Args:
        seed: equal seeds give equal pictures.
        side: in pixels; with at least twice the input's side a zoom of 2 loses no detail.
    """
    return _picture(f"1/f noise {seed}", seed, side, lambda f, _: 1 / np.maximum(f, 1 / side))


def blobs(seed: int, side: int = 512) -> Picture:
    """Colour noise of one band of frequencies: blobs of one size, 15 along a side.

    Args:
        seed: equal seeds give equal pictures.
        side: in pixels; the number of blobs does not depend on it.
    """
    centre = 176 / _BLOB / side
    return _picture(f"blobs {seed}", seed, side, lambda f, _: _band(f, centre))


def texture(seed: int, side: int = 512) -> Picture:
    """Blobs drawn out in one direction, which the seed chooses: stripes of one width.

    Args:
        seed: equal seeds give equal pictures.
        side: in pixels; the number of stripes does not depend on it.
    """
    centre = 176 / _BLOB / side
    angle = np.random.default_rng(seed).uniform(0, np.pi)

    def spectrum(frequency: Floats, direction: Floats) -> Floats:
        turned = np.abs((direction - angle + np.pi / 2) % np.pi - np.pi / 2)
        return _band(frequency, centre) * np.exp(-0.5 * (turned / _ANGLE) ** 2)

    return _picture(f"texture {seed}", seed, side, spectrum)


def _band(frequency: Floats, centre: float) -> Floats:
    octaves = np.log2(np.maximum(frequency, 1e-9) / centre)
    band: Floats = np.exp(-0.5 * (octaves / _OCTAVES) ** 2) / np.maximum(frequency, 1e-9)
    return band


def _picture(
    name: str, seed: int, side: int, spectrum: Callable[[Floats, Floats], Floats]
) -> Picture:
    """Gaussian noise with an amplitude spectrum given by frequency (cycles/pixel) and direction."""
    rng = np.random.default_rng(seed)
    rows, columns = np.fft.fftfreq(side)[:, None], np.fft.rfftfreq(side)[None]
    amplitude = spectrum(np.hypot(rows, columns), np.arctan2(rows, columns))
    amplitude[0, 0] = 0
    shaped = np.fft.irfft2(
        np.fft.rfft2(rng.standard_normal((4, side, side))) * amplitude, s=(side, side)
    )
    shaped /= shaped.std(axis=(1, 2), keepdims=True)
    colours = np.sqrt(_GREY) * shaped[:1] + np.sqrt(1 - _GREY) * shaped[1:]
    levels = np.clip(np.rint(127.5 + _CONTRAST * colours), 0, 255).astype(np.uint8)
    pixels = np.ascontiguousarray(levels.transpose(1, 2, 0))
    return Picture(frozen(pixels), hashlib.sha256(pixels.tobytes()).hexdigest(), name, "generated")
