"""A picture to test with, and files of it."""

from __future__ import annotations

import io

import numpy as np
from PIL import Image


def scene(width: int = 60, height: int = 44) -> Image.Image:
    """Smooth, colourful, and different in all four corners."""
    y, x = np.mgrid[0:height, 0:width].astype(np.float64)
    rgb = np.stack([255 * x / width, 255 * y / height, 255 * (1 - x / width) * y / height], -1)
    return Image.fromarray(rgb.astype(np.uint8))


def with_alpha() -> Image.Image:
    """The scene, transparent on its left."""
    image = scene().convert("RGBA")
    alpha = np.tile(np.linspace(0, 255, image.width).astype(np.uint8), (image.height, 1))
    image.putalpha(Image.fromarray(alpha))
    return image


def encode(image: Image.Image, format_: str, **options: object) -> bytes:
    """A file by Pillow."""
    file = io.BytesIO()
    image.save(file, format_, **options)
    return file.getvalue()
