"""Training pictures changed at random: one resampling, then light, then a hole."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import torch
from torch.nn import functional

if TYPE_CHECKING:
    from training.settings.vision import VisionData

# Shares of a picture, and ratios of width to height, of a random crop and of a hole: the latter
# from https://arxiv.org/abs/1708.04896.
_CROP_RATIO = 4 / 3
_HOLE_AREA = (0.02, 0.2)
_HOLE_RATIO = 3.3
_WHITE = 255.0
_DRAWS = 18


class PictureAugmentation:
    """See `VisionData` for what it does. What comes in from outside of a picture is black, and so
    is a hole."""

    def __init__(self, settings: VisionData) -> None:
        self._settings = settings

    def draws(self, features: torch.Tensor) -> int:
        """See `Augmentation`; however much of it is used, so that one change is the same with
        another and without."""
        del features
        return _DRAWS

    def __call__(
        self, features: torch.Tensor, targets: torch.Tensor, draws: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """uint8 [rows, size, size, channels] to float32 of this shape, 0 to 255; the targets
        stay."""
        settings = self._settings
        pictures = features.permute(0, 3, 1, 2).to(torch.float32)
        where = placement(settings, draws[:, :11])
        grid = functional.affine_grid(where, list(pictures.shape), align_corners=False)
        pictures = functional.grid_sample(pictures, grid, padding_mode="zeros", align_corners=False)
        pictures = _lit(pictures, settings, draws[:, 11:13])
        pictures = _holed(pictures, settings.erasing, draws[:, 13:18])
        return pictures.permute(0, 2, 3, 1), targets


def augments(settings: VisionData) -> bool:
    """Whether there is anything to change."""
    return any(
        (
            settings.rotation_degrees,
            settings.shift,
            settings.zoom,
            settings.shear_degrees,
            settings.flip,
            settings.crop_area < 1,
            settings.brightness,
            settings.contrast,
            settings.erasing,
        )
    )


def placement(settings: VisionData, draws: torch.Tensor) -> torch.Tensor:
    """Where a new picture's points lie in the old one, both from -1 to 1: float32 [rows, 2, 3].

    `draws` are [rows, 11]: rotation, shear, zoom of width and of height, two of shift, flip, and
    the crop's area, ratio and place.
    """
    signed = draws * 2 - 1
    angle = signed[:, 0] * math.radians(settings.rotation_degrees)
    shear = torch.tan(signed[:, 1] * math.radians(settings.shear_degrees))
    zoom = torch.exp(signed[:, 2:4] * math.log1p(settings.zoom))
    cosine, sine = torch.cos(angle), torch.sin(angle)
    turned = torch.stack(
        [
            torch.stack([cosine, cosine * shear - sine], dim=1) / zoom[:, :1],
            torch.stack([sine, sine * shear + cosine], dim=1) / zoom[:, 1:],
        ],
        dim=1,
    )
    size, centre = _crop(settings.crop_area, draws[:, 7:11])
    mirrored = torch.where(draws[:, 6] < 0.5, -1.0, 1.0) if settings.flip else 1.0
    size = torch.stack([size[:, 0] * mirrored, size[:, 1]], dim=1)
    moved = signed[:, 4:6] * (2 * settings.shift)
    return torch.cat(
        [turned * size[:, None, :], (turned @ centre[:, :, None]) + moved[:, :, None]], dim=2
    )


def _crop(least: float, draws: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Half sides and centre of a part of the square from -1 to 1, both [rows, 2]."""
    if least == 1:
        ones = torch.ones_like(draws[:, :2])
        return ones, torch.zeros_like(ones)
    area = least + draws[:, 0] * (1 - least)
    ratio = torch.exp((draws[:, 1] * 2 - 1) * math.log(_CROP_RATIO))
    size = torch.stack([area * ratio, area / ratio], dim=1).sqrt().clamp(max=1)
    return size, (draws[:, 2:4] * 2 - 1) * (1 - size)


def _lit(pictures: torch.Tensor, settings: VisionData, draws: torch.Tensor) -> torch.Tensor:
    """Brighter or darker by a factor, and nearer to or farther from the picture's own mean."""
    if not (settings.brightness or settings.contrast):
        return pictures
    signed = (draws * 2 - 1)[:, :, None, None, None]
    pictures = pictures * (1 + signed[:, 0] * settings.brightness)
    mean = pictures.mean(dim=(1, 2, 3), keepdim=True)
    pictures = mean + (pictures - mean) * (1 + signed[:, 1] * settings.contrast)
    return pictures.clamp(0, _WHITE)


def _holed(pictures: torch.Tensor, share: float, draws: torch.Tensor) -> torch.Tensor:
    """Some pictures without a rectangle. `draws` are [rows, 5]: whether, area, ratio, place."""
    if not share:
        return pictures
    low, high = _HOLE_AREA
    area = low + draws[:, 1] * (high - low)
    ratio = torch.exp((draws[:, 2] * 2 - 1) * math.log(_HOLE_RATIO))
    half = torch.stack([area * ratio, area / ratio], dim=1).sqrt().clamp(max=1) / 2
    side = pictures.shape[2]
    places = (torch.arange(side, device=pictures.device) + 0.5) / side
    inside = (places - draws[:, 3:5, None]).abs() < half[:, :, None]
    hole = inside[:, 1, :, None] & inside[:, 0, None, :] & (draws[:, 0] < share)[:, None, None]
    return pictures.masked_fill(hole[:, None], 0.0)
