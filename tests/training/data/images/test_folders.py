"""What a channel's folders mean."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from training.data.images.folders import find_pictures
from training.errors import InvalidData

if TYPE_CHECKING:
    from pathlib import Path


def touch(channel: Path, *paths: str) -> Path:
    for path in paths:
        (channel / path).parent.mkdir(parents=True, exist_ok=True)
        (channel / path).touch()
    return channel


def found(channel: Path) -> list[tuple[str, str, str]]:
    return [(each.where, each.name, each.split) for each in find_pictures(channel)]


def test_a_folder_is_a_class(tmp_path: Path):
    touch(tmp_path, "dog/2.JPG", "cat/1.png", "dog/10.jpeg")
    assert found(tmp_path) == [
        ("cat/1.png", "cat", ""),
        ("dog/10.jpeg", "dog", ""),
        ("dog/2.JPG", "dog", ""),
    ]


@pytest.mark.parametrize("more", [(), ("validation/cat/3.png",)])
def test_folders_of_splits(tmp_path: Path, more: tuple[str, ...]):
    touch(tmp_path, "train/cat/1.png", "test/cat/2.png", *more)
    assert {(where, split) for where, _, split in found(tmp_path)} == {
        ("train/cat/1.png", "train"),
        ("test/cat/2.png", "test"),
        *((path, "validation") for path in more),
    }


@pytest.mark.parametrize("classes", [("train", "bus"), ("train", "test", "bus"), ("train",)])
def test_class_may_be_called_train(tmp_path: Path, classes: tuple[str, ...]):
    touch(tmp_path, *(f"{name}/1.png" for name in classes))
    assert {split for _, _, split in found(tmp_path)} == {""}


def test_hidden_files_and_files_beside_the_folders_are_not_looked_at(tmp_path: Path):
    touch(tmp_path, "cat/1.png", "cat/.DS_Store", ".git/x/1.txt", "README.md")
    assert [where for where, _, _ in found(tmp_path)] == ["cat/1.png"]


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("cat/notes.txt", r"cat/notes.txt: expected a file .png, .jpg, .jpeg, got a file '.txt'"),
        ("cat/more/1.png", r"cat/more: expected a file .png, .jpg, .jpeg, got a folder"),
    ],
)
def test_something_else_in_a_class(tmp_path: Path, path: str, message: str):
    with pytest.raises(InvalidData, match=message):
        find_pictures(touch(tmp_path, "cat/1.png", path))


def test_channel_without_folders(tmp_path: Path):
    with pytest.raises(InvalidData, match=r"channel 'training': expected a folder for each class"):
        find_pictures(touch(tmp_path, "1.png"))
