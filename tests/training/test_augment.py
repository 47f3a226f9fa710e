from dataclasses import replace

import cv2
import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from sk_viz.training.augment import Augmentation, augment


@settings(max_examples=60, deadline=None)
@given(
    height=st.integers(9, 90),
    width=st.integers(9, 90),
    size=st.sampled_from([16, 32, 64]),
    seed=st.integers(0, 10_000),
)
def test_every_view_has_the_size_asked_for_and_follows_the_seed(height, width, size, seed):
    pixels = np.random.default_rng(1).integers(0, 256, (height, width, 3), dtype=np.uint8)
    views = [augment(pixels, size, Augmentation(), np.random.default_rng(seed)) for _ in range(2)]
    assert views[0].shape == (size, size, 3)
    assert views[0].dtype == np.uint8
    assert (views[0] == views[1]).all()


def _sharpness(view: np.ndarray) -> float:
    return float(np.log(cv2.Laplacian(view.astype(np.float32).mean(axis=2), cv2.CV_32F).var()))


def test_blur_does_not_depend_on_the_scale_of_the_crop():
    """With the blur drawn by itself, as many large crops are blurred as small ones."""
    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 256, (400, 400, 3), dtype=np.uint8)
    shares = []
    for crop in ((0.4, 1.0 + 1e-9), (1.0 - 1e-9, 1.6)):
        # Every crop is shrunk here, so that only the blur can take sharpness away.
        drawn = [
            _sharpness(augment(pixels, 64, Augmentation(crop=crop, colour=0), rng))
            for _ in range(300)
        ]
        plain = np.quantile(drawn, 0.6)
        shares.append(np.mean(np.array(drawn) < plain - 1.5))
    assert abs(shares[0] - shares[1]) < 0.12
    assert all(0.08 < share < 0.4 for share in shares)


def test_small_objects_are_not_rare():
    """The picture's share of the view says at which scale it was drawn."""
    rng = np.random.default_rng(0)
    white = np.full((64, 64, 3), 255, np.uint8)
    settings_ = Augmentation(crop=(0.5, 2.2), aspect=1, blur_share=0, colour=0)

    def small(even_share: float) -> float:
        drawn = replace(settings_, even_share=even_share)
        # Borders of white are mirrored or repeated picture; those of a colour are not white.
        shares = [(augment(white, 64, drawn, rng) == 255).all(axis=2).mean() for _ in range(600)]
        return float(np.mean(np.array(shares) < 0.35))

    assert small(1.0) > small(0.0) + 0.03
