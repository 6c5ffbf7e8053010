"""A picture's file to its pixels."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Literal

import numpy as np

from training.errors import InvalidData, MissingPackage

try:
    from PIL import ExifTags, Image, UnidentifiedImageError
except ModuleNotFoundError:
    raise MissingPackage("pillow") from None

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

Colors = Literal["grey", "rgb"]
CHANNELS = {"grey": 1, "rgb": 3}
_MODES = {"grey": "L", "rgb": "RGB"}
# What Pillow brings to 8 bits a channel without a loss that depends on the picture.
_READ = frozenset({"1", "L", "LA", "P", "PA", "RGB", "RGBA", "CMYK"})
_OPAQUE = 255
# By the number that EXIF has for it, what brings a picture upright.
_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


def open_picture(file: Path, where: str, colors: Colors) -> Image.Image:
    """A PNG or JPEG file as it looks: upright, in mode L or RGB. One whose EXIF cannot be read is
    taken as it lies.

    Raises InvalidData, with `where` it lies, for one that cannot be read, has more than 8 bits a
    channel, or can be seen through.
    """
    if not file.stat().st_size:
        raise InvalidData(where, expected="a picture", got="a file of 0 bytes")
    try:
        # No other format: the decoders of rare ones are where the holes are.
        with Image.open(file, formats=("PNG", "JPEG")) as opened:
            opened.load()
            picture = _upright(opened)
    except UnidentifiedImageError:
        raise InvalidData(where, expected="a PNG or JPEG file", got="another content") from None
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise InvalidData(where, expected="a picture that can be read", got=str(error)) from None
    if picture.mode not in _READ:
        raise InvalidData(
            where, expected="grey, palette or RGB of 8 bits", got=f"mode {picture.mode}"
        )
    if picture.has_transparency_data and _least_alpha(picture) < _OPAQUE:
        raise InvalidData(where, expected="a picture without transparent pixels", got="some")
    return picture.convert(_MODES[colors])


def pixels(picture: Image.Image) -> NDArray[np.uint8]:
    """Of mode L or RGB to uint8 [height, width, channels]."""
    return np.atleast_3d(np.asarray(picture, np.uint8))


def fit(picture: Image.Image, size: int) -> NDArray[np.uint8]:
    """uint8 [size, size, channels], by the triangle filter that a served model has in its graph,
    rounded to whole numbers."""
    return pixels(picture.resize((size, size), Image.Resampling.BILINEAR))


def from_pixels(values: NDArray[np.uint8]) -> Image.Image:
    """The reverse of `pixels`."""
    return Image.fromarray(values[:, :, 0] if values.shape[2] == 1 else values)


def _upright(picture: Image.Image) -> Image.Image:
    # Pillow's own `exif_transpose` writes the rest of EXIF anew, and fails where that is broken.
    try:
        orientation = picture.getexif().get(ExifTags.Base.Orientation, 1)
    except (SyntaxError, ValueError, struct.error):
        return picture.copy()
    turn = _TURNS.get(orientation)
    return picture.copy() if turn is None else picture.transpose(turn)


def _least_alpha(picture: Image.Image) -> int:
    extrema = picture.convert("RGBA").getchannel("A").getextrema()
    return int(extrema[0])  # type: ignore[arg-type]
