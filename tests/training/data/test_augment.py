from dataclasses import replace

import cv2
import numpy as np
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from sk_viz.training.data.augment import Augmentation, Cut, augment, mix


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


def test_a_share_of_nothing_draws_nothing():
    """Earlier rounds of a run are drawn as they were before the later ones were thought of."""
    pixels = np.random.default_rng(1).integers(0, 256, (120, 120, 3), dtype=np.uint8)
    plain, late = np.random.default_rng(5), np.random.default_rng(5)
    augment(pixels, 32, Augmentation(blur_share=0), plain)
    augment(pixels, 32, Augmentation(blur_share=0, small=(40, 60), sharpen=3.0), late)
    assert plain.random() == late.random()


def test_large_pictures_lose_detail_as_small_ones_have_none():
    rng = np.random.default_rng(0)
    fine = np.where(np.indices((160, 160)).sum(axis=0)[..., None] % 2, 255, 0)
    pixels = np.broadcast_to(fine, (160, 160, 3)).astype(np.uint8)
    still = Augmentation(crop=(0.4, 0.41), even_share=1, aspect=1, blur_share=0, colour=0)

    def contrast(share: float) -> float:
        views = [augment(pixels, 64, replace(still, small_share=share), rng) for _ in range(20)]
        return float(np.mean([view.std() for view in views]))

    assert contrast(1.0) < contrast(0.0) / 3


def test_sharpening_steepens_an_edge():
    edge = np.full((64, 64, 3), 100, np.uint8)
    edge[:, 32:] = 150
    still = Augmentation(crop=(1, 1 + 1e-9), aspect=1, blur_share=0, colour=0)
    rng = np.random.default_rng(0)
    plain = augment(edge, 64, still, rng)
    sharp = augment(edge, 64, replace(still, sharpen_share=1.0), rng)
    assert int(np.ptp(plain)) <= 51
    assert int(np.ptp(sharp)) > 55


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 10_000))
def test_an_object_stands_before_another_ground(seed):
    """Around the object the view is one colour, and nothing of the chequered old ground is left."""
    red = (255, 0, 0)
    mask = np.zeros((64, 64), np.uint8)
    mask[20:44, 20:44] = 255
    chequered = np.where(np.indices((64, 64)).sum(axis=0)[..., None] // 2 % 2, 255, 0)
    pixels = np.where(mask[..., None] > 0, red, chequered).astype(np.uint8)
    green = np.full((90, 70, 3), (0, 255, 0), np.uint8)
    still = Augmentation(crop=(0.6, 1.0), aspect=1, blur_share=0, colour=0)
    view = augment(pixels, 48, still, np.random.default_rng(seed), Cut(mask, green)).astype(int)
    object_ = (np.abs(view - red).max(axis=2) < 60).astype(np.uint8)
    assert object_.mean() > 0.03
    assume(object_.mean() < 0.7)  # more is a plain ground that is red itself
    around = view[cv2.dilate(object_, np.ones((9, 9), np.uint8)) == 0]
    assert len(around) > 50
    assert np.ptp(around, axis=0).max() <= 8


@given(seed=st.integers(0, 10_000), level=st.tuples(st.integers(0, 255), st.integers(0, 255)))
def test_a_mixed_view_has_as_much_of_each_as_it_says(seed, level):
    """Of two plain views the mean brightness tells the share of each."""
    one, other = (np.full((40, 40, 3), value, np.uint8) for value in level)
    view, share = mix(one, other, np.random.default_rng(seed))
    assert view.shape == one.shape
    assert 0 <= share <= 1
    assert abs(view.mean() - (share * level[0] + (1 - share) * level[1])) <= 0.5 + 1e-9
    assert (one == level[0]).all()  # what was mixed stays as it was


def test_a_picture_is_turned_and_not_emptied():
    """A bright bar on grey: turned, it no longer stands upright, and nothing black comes in."""
    pixels = np.full((64, 64, 3), 120, np.uint8)
    pixels[:, 29:35] = 250
    still = Augmentation(crop=(1 - 1e-9, 1 + 1e-9), aspect=1, blur_share=0, colour=0)
    turning = replace(still, turn_share=1.0)
    angles = []
    for seed in range(40):
        view = augment(pixels, 64, turning, np.random.default_rng(seed))
        assert view.min() >= 100  # the interpolation swings a little below 120
        middles = [np.flatnonzero(row.mean(axis=1) > 185).mean() for row in view[8:56]]
        slope = np.polyfit(np.arange(len(middles)), middles, 1)[0]
        angles.append(np.degrees(np.arctan(slope)))
    assert np.ptp(angles) > 25
    assert max(np.abs(angles)) <= turning.turn + 1
    upright = augment(pixels, 64, still, np.random.default_rng(0))
    assert (upright == upright[0]).all()
