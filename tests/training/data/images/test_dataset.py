"""Pictures in, three splits out."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image
from sklearn.datasets import load_digits

from tests.training.data.images.drawings import fill, noise, recipe, save
from training.data.images.dataset import read_dataset
from training.data.images.decoding import fit, from_pixels
from training.data.images.digits import read_digits
from training.data.images.gallery import PixelFiles
from training.errors import InvalidData, InvalidSetting
from training.recipe import load

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="module")
def digits():
    return read_dataset(load("vision", {}), None)


@pytest.fixture(scope="module")
def digits_channel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Every digit as a PNG file."""
    channel = tmp_path_factory.mktemp("digits")
    for number, (picture, digit) in enumerate(zip(*read_digits(), strict=True)):
        save(channel / str(digit) / f"{number}.png", picture[:, :, 0])
    return channel


def contents(rows) -> set[bytes]:
    return {picture.tobytes() for picture in rows.take(np.arange(len(rows)))[0]}


def test_digits_keep_all_that_they_are():
    pictures, digits = read_digits()
    values, labels = load_digits(return_X_y=True)
    np.testing.assert_array_equal(np.rint(pictures.reshape(-1, 64) * (16 / 255)), values)
    np.testing.assert_array_equal(digits, labels)
    assert (pictures.min(), pictures.max(), pictures.dtype) == (0, 255, np.uint8)


def test_no_picture_is_in_two_splits(digits):
    train, validation, test = map(contents, digits.splits().values())
    assert not train & validation
    assert not train & test
    assert not validation & test
    assert len(train) + len(validation) + len(test) == 1797


def test_splits_are_of_each_class(digits):
    for rows in digits.splits().values():
        shares = np.bincount(rows.labels) / len(rows)
        np.testing.assert_allclose(shares, 0.1, atol=0.01)


def test_mean_and_scale_are_of_the_training_pixels(digits):
    values = digits.train.take(np.arange(len(digits.train)))[0].astype(np.float64)
    np.testing.assert_allclose(digits.mean, values.mean(), rtol=1e-6)
    np.testing.assert_allclose(digits.scale, values.std(), rtol=1e-6)


def test_labels_are_of_their_pictures(digits):
    pictures, labels = read_digits()
    known = {picture.tobytes(): label for picture, label in zip(pictures, labels, strict=True)}
    features, targets = digits.test.take(np.array([5, 0, 17]))
    assert [known[each.tobytes()] for each in features] == targets.tolist()
    assert targets.tolist() == digits.test.labels[[5, 0, 17]].tolist()


def test_digits_as_files_are_the_same_data(digits, digits_channel: Path):
    from_files = read_dataset(load("vision", {}), digits_channel)
    assert from_files.digest == digits.digest
    for ours, theirs in zip(from_files.splits().values(), digits.splits().values(), strict=True):
        numbers = np.arange(len(ours))
        np.testing.assert_array_equal(ours.take(numbers)[0], theirs.take(numbers)[0])
        np.testing.assert_array_equal(ours.labels, theirs.labels)


def test_file_names_decide_nothing(tmp_path: Path):
    fill(tmp_path / "one")
    for name in "ab":
        for number in range(5):
            file = tmp_path / "one" / name / f"{number}.png"
            save(tmp_path / "two" / name / f"{9 - number}.png", np.asarray(Image.open(file)))
    one, two = (read_dataset(recipe(), tmp_path / name) for name in ("one", "two"))
    assert one.digest == two.digest
    np.testing.assert_array_equal(one.train.take(np.arange(3))[0], two.train.take(np.arange(3))[0])


def test_pictures_that_fit_no_memory_are_decoded_when_they_are_taken(tmp_path: Path, monkeypatch):
    fill(tmp_path)
    kept = read_dataset(recipe(), tmp_path)
    opened = []
    original = PixelFiles._open
    lazy = read_dataset(recipe(memory_mib="0"), tmp_path)

    def spy(self: PixelFiles, number: int):
        opened.append(number)
        return original(self, number)

    monkeypatch.setattr(PixelFiles, "_open", spy)
    numbers = np.array([2, 0])
    for ours, theirs in zip(lazy.train.take(numbers), kept.train.take(numbers), strict=True):
        np.testing.assert_array_equal(ours, theirs)
    assert len(opened) == 2
    assert (lazy.mean, lazy.digest) == (kept.mean, kept.digest)


def test_any_size_becomes_the_recipes(tmp_path: Path):
    fill(tmp_path)
    save(tmp_path / "a" / "large.jpg", noise(9, 40, 30, 3))
    dataset = read_dataset(recipe(colors="rgb", image_size="16"), tmp_path)
    assert dataset.train.take(np.arange(2))[0].shape == (2, 16, 16, 3)
    assert (dataset.report.smallest_side, dataset.report.largest_side) == (5, 40)


def test_splits_of_the_channel(tmp_path: Path):
    fill(tmp_path / "train", count=10)
    fill(tmp_path / "test", first=100)
    # A leak: in both, to be measured by and not to be learned from.
    save(tmp_path / "train" / "a" / "leak.png", noise(100, 5, 6))
    dataset = read_dataset(recipe(validation_fraction="0.2"), tmp_path)
    assert [len(rows) for rows in dataset.splits().values()] == [16, 4, 10]
    assert contents(dataset.test) == {
        _fitted(noise(100 + place * 1000 + number, 5, 6))
        for place in range(2)
        for number in range(5)
    }
    assert dataset.report.leaks == 1


def _fitted(values: np.ndarray) -> bytes:
    return fit(from_pixels(values[:, :, None]), 8).tobytes()


def test_validation_of_the_channel(tmp_path: Path):
    fill(tmp_path / "train")
    fill(tmp_path / "validation", count=3, first=50)
    fill(tmp_path / "test", count=2, first=100)
    dataset = read_dataset(recipe(), tmp_path)
    assert [len(rows) for rows in dataset.splits().values()] == [10, 6, 4]


def test_broken_picture_stops_the_job_before_training(tmp_path: Path):
    fill(tmp_path)
    (tmp_path / "b" / "3.png").write_bytes(b"\x89PNG nonsense")
    with pytest.raises(InvalidData, match=r"b/3.png: expected a PNG or JPEG file, got another"):
        read_dataset(recipe(memory_mib="0"), tmp_path)


def test_class_with_too_few_pictures(tmp_path: Path):
    fill(tmp_path)
    save(tmp_path / "few" / "1.png", noise(7, 5, 6))
    with pytest.raises(InvalidData, match=r"class 'few': expected at least 3 .*got 1"):
        read_dataset(recipe(), tmp_path)


def test_class_that_is_only_to_be_measured_by(tmp_path: Path):
    fill(tmp_path / "train")
    fill(tmp_path / "test", first=100, classes="abc")
    with pytest.raises(InvalidData, match=r"class 'c': expected at least 2 .* in 'train', got 0"):
        read_dataset(recipe(), tmp_path)


def test_one_class(tmp_path: Path):
    fill(tmp_path, classes="a")
    with pytest.raises(InvalidData, match=r"expected folders for at least 2 classes, got a"):
        read_dataset(recipe(), tmp_path)


def test_digits_of_a_channel_are_the_ten(tmp_path: Path):
    fill(tmp_path, classes="0123456789a")
    with pytest.raises(InvalidData, match=r"expected a folder for each of the digits .* got 0, 1"):
        read_dataset(load("vision", {}), tmp_path)


def test_folders_need_a_channel():
    with pytest.raises(InvalidSetting, match=r"'source': expected a channel .*, got none"):
        read_dataset(recipe(), None)


def test_one_colour_everywhere_has_a_scale(tmp_path: Path):
    for number in range(4):
        for name in "ab":
            size = 4 + number + 8 * (name == "a")
            save(tmp_path / name / f"{number}.png", np.full((size, size), 7, np.uint8))
    dataset = read_dataset(recipe(), tmp_path)
    assert (dataset.mean.tolist(), dataset.scale.tolist()) == ([7.0], [1.0])


def test_mean_is_of_the_pictures_that_are_left(tmp_path: Path):
    fill(tmp_path)
    for number in range(20):
        save(tmp_path / "a" / f"white{number}.png", np.full((9, 9), 255, np.uint8))
    dataset = read_dataset(recipe(), tmp_path)
    assert dataset.report.duplicates == 19
    values = dataset.train.take(np.arange(len(dataset.train)))[0]
    np.testing.assert_allclose(dataset.mean, values.mean(), rtol=1e-6)
