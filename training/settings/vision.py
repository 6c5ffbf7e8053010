"""What a recipe for pictures sets."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from training.settings.ranges import Range


@dataclass(frozen=True, slots=True)
class VisionData:
    """What is trained on, and how training pictures are changed each time they are seen.

    `digits` are the ten digits, scikit-learn's where no channel brings them; `folders` are the
    channel's own classes. Each picture is brought to `image_size` pixels a side. The fractions are
    of each class's pictures, for the splits that the channel does not bring itself. What takes up
    to `memory_mib` is kept in memory; more is decoded by `decoding_threads` whenever it is needed.

    Changes, each at most: `rotation_degrees` either way, `shift` of a side, `zoom` in or out,
    `shear_degrees`; `flip` mirrors half of the pictures left to right; `crop_area` is the smallest
    share that a random crop keeps; `brightness` and `contrast` change by that share; `erasing` is
    the share of pictures that lose a random rectangle.
    """

    source: Literal["digits", "folders"]
    image_size: Annotated[int, Range(4, 1024)]
    colors: Literal["grey", "rgb"]
    validation_fraction: Annotated[float, Range(0.01, 0.4)]
    test_fraction: Annotated[float, Range(0.01, 0.4)]
    memory_mib: Annotated[int, Range(0, 10_000_000)] = 1024
    decoding_threads: Annotated[int, Range(1, 256)] = 4
    rotation_degrees: Annotated[float, Range(0.0, 180.0)] = 0.0
    shift: Annotated[float, Range(0.0, 0.5)] = 0.0
    zoom: Annotated[float, Range(0.0, 1.0)] = 0.0
    shear_degrees: Annotated[float, Range(0.0, 60.0)] = 0.0
    flip: bool = False
    crop_area: Annotated[float, Range(0.01, 1.0)] = 1.0
    brightness: Annotated[float, Range(0.0, 1.0)] = 0.0
    contrast: Annotated[float, Range(0.0, 1.0)] = 0.0
    erasing: Annotated[float, Range(0.0, 1.0)] = 0.0


@dataclass(frozen=True, slots=True)
class VisionNetworkSettings:
    """A ResNet: `blocks` of each stage, `width` channels in the first and twice as many in each
    that follows; a `bottleneck` block ends in four times its stage's channels.

    The `large` stem quarters a picture's sides, the `small` one leaves them. ResNet-18 is 2, 2, 2,
    2 and ResNet-50 3, 4, 6, 3 with bottlenecks, both 64 wide with a large stem. `dropout` is the
    share of the last layer's inputs that a training step leaves out. Batch norm's statistics are
    those of the rows that a process computes at once, so that `accumulation` and more processes
    make them rougher; `synchronized` has those of all GPUs' rows. `channels_last` is how GPUs like
    their convolutions laid out.
    """

    blocks: tuple[Annotated[int, Range(1, 1000)], ...]
    width: Annotated[int, Range(1, 4096)]
    bottleneck: bool = False
    stem: Literal["small", "large"] = "small"
    dropout: Annotated[float, Range(0.0, 0.95)] = 0.0
    batch_norm: Literal["local", "synchronized"] = "local"
    channels_last: bool = False
