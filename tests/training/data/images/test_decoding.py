"""Files to pixels, and what is refused."""

from __future__ import annotations

import importlib
import sys
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image, ImageOps

from tests.training.data.images.drawings import noise, save
from training.data.images.decoding import fit, from_pixels, open_picture, pixels
from training.errors import InvalidData, MissingPackage

if TYPE_CHECKING:
    from pathlib import Path


def read(file: Path, colors="grey") -> np.ndarray:
    return pixels(open_picture(file, f"cat/{file.name}", colors))


@pytest.mark.parametrize(("colors", "shape"), [("grey", (5, 6)), ("rgb", (5, 6, 3))])
def test_pixels_of_a_png_are_its_own(tmp_path: Path, colors: str, shape: tuple[int, ...]):
    values = noise(0, *shape)
    read_back = read(save(tmp_path / "a.png", values), colors)
    np.testing.assert_array_equal(read_back, values.reshape(5, 6, -1))


def test_grey_file_read_as_rgb_is_grey_in_each_channel(tmp_path: Path):
    values = noise(0, 5, 6)
    read_back = read(save(tmp_path / "a.png", values), "rgb")
    np.testing.assert_array_equal(read_back, np.dstack([values] * 3))


def test_jpeg(tmp_path: Path):
    file = save(tmp_path / "a.jpg", np.full((8, 8), 200, np.uint8))
    np.testing.assert_array_equal(read(file), np.full((8, 8, 1), 200))


def test_palette_and_one_bit(tmp_path: Path):
    values = np.zeros((4, 4), np.uint8)
    values[1] = 255
    Image.fromarray(values).convert("1").save(tmp_path / "one.png")
    Image.fromarray(values).convert("P").save(tmp_path / "palette.png")
    for name in ("one.png", "palette.png"):
        np.testing.assert_array_equal(read(tmp_path / name)[..., 0], values)


def test_photograph_taken_sideways_is_upright(tmp_path: Path):
    values = np.repeat(np.repeat(noise(0, 1, 2), 8, axis=0), 8, axis=1)
    exif = Image.Exif()
    exif[274] = 6  # turned by 90 degrees
    read_back = read(save(tmp_path / "a.jpg", values, exif=exif, quality=95))
    np.testing.assert_allclose(read_back[..., 0], np.rot90(values, -1), atol=3)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_upright_as_pillow_has_it(tmp_path: Path, orientation: int):
    exif = Image.Exif()
    exif[274] = orientation
    file = save(tmp_path / "a.png", noise(0, 3, 5), exif=exif)
    with Image.open(file) as opened:
        expected = np.asarray(ImageOps.exif_transpose(opened))
    np.testing.assert_array_equal(read(file)[..., 0], expected)


@pytest.mark.parametrize(
    ("sound", "broken", "turned"),
    [
        # Of the orientation beside it nothing is lost: a number of pixels an inch is of no type.
        (b"\x01\x1a\x00\x05", b"\x01\x1a\x00\x07", True),
        (b"MM\x00*", b"XX\x00*", False),
    ],
)
def test_broken_exif_is_no_broken_picture(
    tmp_path: Path, sound: bytes, broken: bytes, *, turned: bool
):
    values = np.repeat(np.repeat(noise(0, 1, 2), 8, axis=0), 8, axis=1)
    exif = Image.Exif()
    exif.endian = ">"
    exif[274], exif[282] = 6, 72.0
    file = save(tmp_path / "a.jpg", values, exif=exif, quality=95)
    content = file.read_bytes()
    assert content.count(sound) == 1
    file.write_bytes(content.replace(sound, broken))
    expected = np.rot90(values, -1) if turned else values
    np.testing.assert_allclose(read(file)[..., 0], expected, atol=3)


def test_opaque_alpha_is_nothing(tmp_path: Path):
    values = np.dstack([noise(0, 4, 4, 3), np.full((4, 4), 255, np.uint8)])
    np.testing.assert_array_equal(read(save(tmp_path / "a.png", values), "rgb"), values[..., :3])


def transparent(file: Path) -> None:
    save(file, noise(0, 4, 4, 4))


def sixteen_bits(file: Path) -> None:
    save(file, np.arange(16, dtype=np.uint16).reshape(4, 4) * 1000)


def text(file: Path) -> None:
    file.write_text("no picture")


def empty(file: Path) -> None:
    file.touch()


def cut_off(file: Path) -> None:
    save(file, noise(0, 50, 50))
    file.write_bytes(file.read_bytes()[:1000])


def gif(file: Path) -> None:
    save(file, noise(0, 4, 4), format="GIF")


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (transparent, r"expected a picture without transparent pixels, got some"),
        (sixteen_bits, r"expected grey, palette or RGB of 8 bits, got mode I;16"),
        (text, r"expected a PNG or JPEG file, got another content"),
        (gif, r"expected a PNG or JPEG file, got another content"),
        (empty, r"expected a picture, got a file of 0 bytes"),
        (cut_off, r"expected a picture that can be read, got .*truncated"),
    ],
)
def test_refused_with_file_and_reason(tmp_path: Path, make, message: str):
    make(tmp_path / "a.png")
    with pytest.raises(InvalidData, match=f"^cat/a.png: {message}"):
        read(tmp_path / "a.png")


def test_picture_too_large_to_be_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    file = save(tmp_path / "a.png", noise(0, 9, 9))
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 10)
    with pytest.raises(InvalidData, match=r"cat/a.png: expected a picture that can be read, got"):
        read(file)


def test_fitting_a_picture_of_the_size_changes_nothing():
    values = noise(0, 8, 8, 3)
    np.testing.assert_array_equal(fit(from_pixels(values), 8), values)


def test_fitting_takes_the_mean_of_what_falls_together():
    """The triangle filter for a fourth of the size: 8 pixels wide, its weights 1, 3, 5, 7, ..."""
    values = noise(0, 16, 16, 1)
    weights = np.array([1, 3, 5, 7, 7, 5, 3, 1])
    inner = np.average(values[2:10, 2:10, 0], axis=0, weights=weights)
    expected = np.average(inner, weights=weights)
    assert fit(from_pixels(values), 4)[1, 1, 0] == pytest.approx(expected, abs=1)


def test_without_pillow_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "PIL", None)
    monkeypatch.delitem(sys.modules, "training.data.images.decoding")
    with pytest.raises(MissingPackage, match="'pillow', which is not installed: pip install"):
        importlib.import_module("training.data.images.decoding")
