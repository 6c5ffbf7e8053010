"""What is done to training pictures, each change by itself."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from tests.training.data.images.drawings import noise
from training.families.vision.augmentation import PictureAugmentation, augments, placement
from training.recipe import load

PLAIN = {"rotation_degrees": "0", "shift": "0", "zoom": "0", "shear_degrees": "0"}
# Of each draw, in their order, the value that changes nothing.
STILL = [0.5] * 6 + [0.9, 1.0, 0.5, 0.5, 0.5, 0.5, 0.5, 0.99, 0.5, 0.5, 0.5, 0.5]
ROTATION, SHEAR, WIDTH, HEIGHT, RIGHT, DOWN, FLIP, AREA, RATIO, X, Y = range(11)
BRIGHTNESS, CONTRAST, HOLE, HOLE_AREA, HOLE_RATIO, HOLE_X, HOLE_Y = range(11, 18)


def settings(**overrides: str):
    return load("vision", {**PLAIN, **overrides}).data


def pictures() -> torch.Tensor:
    return torch.from_numpy(noise(0, 4, 8, 8, 1))


def changed(draws: dict[int, float], **overrides: str) -> torch.Tensor:
    """The pictures with these settings and draws, the rest of which change nothing; without
    their channel's axis."""
    drawn = torch.tensor(STILL).repeat(4, 1)
    for place, value in draws.items():
        drawn[:, place] = value
    augmentation = PictureAugmentation(settings(**overrides))
    given, targets = pictures(), torch.arange(4)
    assert augmentation.draws(given) == drawn.shape[1]
    features, same = augmentation(given, targets, drawn)
    assert (features.shape, features.dtype) == (given.shape, torch.float32)
    assert same is targets
    return features[..., 0]


def original() -> torch.Tensor:
    return pictures()[..., 0].float()


def test_nothing_asked_for_changes_nothing():
    torch.testing.assert_close(changed({}), original(), rtol=0, atol=1e-3)
    assert not augments(settings())
    assert augments(load("vision", {}).data)


@pytest.mark.parametrize(
    "name",
    ["rotation_degrees", "shift", "zoom", "shear_degrees", "brightness", "contrast", "erasing"],
)
def test_every_change_counts(name: str):
    assert augments(settings(**{name: "0.1"}))
    drawn = dict.fromkeys(range(18), 0.2) | {FLIP: 0.9}
    assert (changed(drawn, **{name: "0.5"}) - original()).abs().max() > 1


def test_quarter_turn():
    turned = changed({ROTATION: 1.0}, rotation_degrees="90")
    torch.testing.assert_close(turned, torch.rot90(original(), 1, dims=(1, 2)), rtol=0, atol=1e-2)


def test_shift_by_a_fourth_of_the_side():
    moved = changed({RIGHT: 1.0}, shift="0.25")
    torch.testing.assert_close(moved[:, :, :6], original()[:, :, 2:], rtol=0, atol=1e-3)
    assert not moved[:, :, 6:].any()
    moved = changed({DOWN: 0.0}, shift="0.25")
    torch.testing.assert_close(moved[:, 2:], original()[:, :6], rtol=0, atol=1e-3)


def test_flip_is_of_half_the_pictures():
    torch.testing.assert_close(
        changed({FLIP: 0.4}, flip="true"), original().flip(2), rtol=0, atol=1e-3
    )
    torch.testing.assert_close(changed({FLIP: 0.6}, flip="true"), original(), rtol=0, atol=1e-3)


def test_zoom_of_each_side_by_itself():
    where = placement(settings(zoom="0.25"), torch.tensor([[*STILL[:2], 1.0, 0.0, *STILL[4:11]]]))
    torch.testing.assert_close(where[0], torch.tensor([[0.8, 0, 0], [0, 1.25, 0]]))


def test_shear_moves_rows_by_their_height():
    where = placement(settings(shear_degrees="45"), torch.tensor([[0.5, 1.0, *STILL[2:11]]]))
    torch.testing.assert_close(where[0], torch.tensor([[1.0, 1, 0], [0, 1, 0]]))


def test_crop_lies_inside_and_has_its_area():
    draws = torch.rand(1000, 11, generator=torch.Generator().manual_seed(0))
    where = placement(settings(crop_area="0.3"), draws)
    half, centre = where[:, [0, 1], [0, 1]], where[:, :, 2]
    assert (half + centre.abs()).max() <= 1 + 1e-6
    area, ratio = half.prod(dim=1), half[:, 0] / half[:, 1]
    assert 0.25 < area.min() < 0.32
    assert area.max() > 0.9
    assert 0.7 < ratio.min() < 0.8
    assert 1.3 < ratio.max() < 1.4
    assert not where[:, [0, 1], [1, 0]].any()


def test_crop_of_a_fourth_is_twice_as_large():
    cropped = changed({AREA: 0.0, X: 0.0, Y: 0.0}, crop_area="0.25")
    # A pixel of it lies a fourth of the way from one to the next.
    upper, lower = (original()[:, row, 1] * 0.75 + original()[:, row, 2] * 0.25 for row in (1, 2))
    torch.testing.assert_close(cropped[:, 3, 3], upper * 0.75 + lower * 0.25)


def test_brightness_and_contrast():
    lit = changed({BRIGHTNESS: 1.0}, brightness="0.5")
    torch.testing.assert_close(lit, (original() * 1.5).clamp(max=255), rtol=0, atol=1e-2)
    flat = changed({CONTRAST: 0.0}, contrast="1")
    means = original().mean(dim=(1, 2), keepdim=True).expand(-1, 8, 8)
    torch.testing.assert_close(flat, means, rtol=0, atol=1e-2)


def test_hole_is_where_it_is_drawn_and_as_large():
    draws = {HOLE: 0.2, HOLE_AREA: (0.0625 - 0.02) / 0.18, HOLE_X: 0.25, HOLE_Y: 0.75}
    holed = changed({**draws, BRIGHTNESS: 1.0}, erasing="0.3", brightness="1")
    whole = changed({BRIGHTNESS: 1.0}, brightness="1")
    hole = torch.zeros(8, 8, dtype=torch.bool)
    hole[5:7, 1:3] = True
    torch.testing.assert_close(holed, whole.masked_fill(hole, 0), rtol=0, atol=1e-3)


def test_share_of_pictures_with_a_hole():
    torch.testing.assert_close(changed({HOLE: 0.31}, erasing="0.3"), original(), rtol=0, atol=1e-3)


def test_rotation_is_within_its_degrees():
    draws = torch.rand(1000, 11, generator=torch.Generator().manual_seed(0))
    where = placement(settings(rotation_degrees="30"), draws)
    angles = torch.atan2(where[:, 1, 0], where[:, 0, 0]).numpy()
    assert np.abs(angles).max() <= math.radians(30) + 1e-6
    assert angles.min() < math.radians(-29)
    assert angles.max() > math.radians(29)
