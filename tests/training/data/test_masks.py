import cv2
import numpy as np
import pytest

from sk_viz.datasets.labelled import read_labelled
from sk_viz.training.data.masks import object_mask, object_masks


def _disc(side: int, radius: float) -> tuple[np.ndarray, np.ndarray]:
    """A red disc on a green ground with noise, and where the disc is."""
    rng = np.random.default_rng(0)
    y, x = np.mgrid[:side, :side] - (side - 1) / 2
    inside = np.hypot(x, y) < radius
    pixels = np.where(inside[..., None], (200, 40, 40), (40, 160, 60))
    noisy = np.clip(pixels + rng.normal(0, 8, (side, side, 3)), 0, 255)
    return noisy.astype(np.uint8), inside


@pytest.mark.parametrize("side", [64, 200])
@pytest.mark.parametrize("boxed", [True, False])
def test_the_outline_is_that_of_the_object(side, boxed):
    pixels, inside = _disc(side, 0.3 * side)
    edge = round(0.18 * side)
    box = (edge, edge, side - edge, side - edge) if boxed else None
    mask = object_mask(pixels, box)
    assert mask is not None
    assert max(mask.shape) <= 80
    whole = cv2.resize(mask, (side, side), interpolation=cv2.INTER_LINEAR) > 127
    assert (whole & inside).sum() / (whole | inside).sum() > 0.9


@pytest.mark.parametrize(
    "pixels",
    [
        np.full((64, 64, 3), 90, np.uint8),  # nothing there
        _disc(64, 4)[0],  # a speck, which may be a part of something
        np.zeros((9, 9, 3), np.uint8),  # too small for a rim around a box
    ],
)
def test_what_has_no_outline_has_no_mask(pixels):
    assert object_mask(pixels, None) is None


def test_masks_are_made_once_and_kept(folder, tmp_path):
    pictures = read_labelled(folder)
    file = tmp_path / "masks.parquet"
    made = object_masks(pictures, file)
    assert len(made) == len(pictures)
    kept = file.stat().st_mtime_ns
    assert object_masks(pictures, file) == made
    assert file.stat().st_mtime_ns == kept
    # Of other pictures, as many as before: made again.
    turned = pictures.subset(np.arange(len(pictures))[::-1])
    told: list[tuple[int, int]] = []
    assert object_masks(turned, file, lambda *done: told.append(done)) == made[::-1]
    assert told[-1] == (len(pictures), len(pictures))
