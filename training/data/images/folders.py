"""A channel's files: a folder for each class, perhaps below `train`, `test` and `validation`."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, NamedTuple

from training.data.images.decoding import from_pixels
from training.errors import InvalidData

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

ENDINGS = (".png", ".jpg", ".jpeg")
TRAIN, VALIDATION, TEST = "train", "validation", "test"
# Of a picture that its folder puts into no split.
UNSPLIT = ""


class PictureFile(NamedTuple):
    """`where` is its path below the channel; `split` is `UNSPLIT` where the channel has none."""

    file: Path
    where: str
    name: str
    split: str


def find_pictures(channel: Path) -> list[PictureFile]:
    """All `<class>/*.png` and `*.jpg`, by path; or, where the channel has the folders `train` and
    `test` (and perhaps `validation`) and no others, those in each of them.

    Files beside the folders are not looked at, nor is what begins with a dot. Raises InvalidData
    for a channel without folders and for what is no picture's file in one.
    """
    folders = _folders(channel)
    names = {folder.name for folder in folders}
    if {TRAIN, TEST} <= names <= {TRAIN, VALIDATION, TEST}:
        found = [
            picture
            for split in folders
            for folder in _folders(split)
            for picture in _in_class(folder, split.name)
        ]
    else:
        found = [picture for folder in folders for picture in _in_class(folder, UNSPLIT)]
    if not found:
        raise InvalidData(
            "channel 'training'",
            expected=f"a folder for each class, with {', '.join(ENDINGS)} files",
            got="none",
        )
    return found


def write_pictures(
    pictures: Iterable[NDArray[np.uint8]], names: Sequence[str], folder: Path
) -> None:
    """`<class>/<number>.png`, as `find_pictures` finds them; each picture is uint8 [height, width,
    channels]."""
    numbers: Counter[str] = Counter()
    for picture, name in zip(pictures, names, strict=True):
        numbers[name] += 1
        file = folder / name / f"{numbers[name]:06}.png"
        file.parent.mkdir(exist_ok=True)
        from_pixels(picture).save(file, "PNG")


def _folders(folder: Path) -> list[Path]:
    return [path for path in _visible(folder) if path.is_dir()]


def _visible(folder: Path) -> Iterator[Path]:
    return (path for path in sorted(folder.iterdir()) if not path.name.startswith("."))


def _in_class(folder: Path, split: str) -> Iterator[PictureFile]:
    above = f"{split}/{folder.name}" if split else folder.name
    for path in _visible(folder):
        where = f"{above}/{path.name}"
        if path.suffix.lower() not in ENDINGS or not path.is_file():
            got = "a folder" if path.is_dir() else f"a file '{path.suffix}'"
            raise InvalidData(where, expected=f"a file {', '.join(ENDINGS)}", got=got)
        yield PictureFile(path, where, folder.name, split)
