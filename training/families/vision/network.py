"""ResNet, of any depth and width (https://arxiv.org/abs/1512.03385).

As is usual since, a bottleneck block that halves a picture does so in its 3x3 convolution.
"""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

import torch
from torch import nn

from training.compression.groups import Group, Slot
from training.errors import InvalidSetting

if TYPE_CHECKING:
    from collections.abc import Iterator

    from training.data.images.dataset import VisionDataset
    from training.settings.vision import VisionNetworkSettings

Normalization = nn.BatchNorm2d | nn.SyncBatchNorm
# A bottleneck block's outputs, in its stage's channels.
EXPANSION = 4
# Batch norm of one row needs more than one pixel.
_LEAST_SIDE = 2


class VisionNetwork(nn.Module):
    """Pixels of 0 to 255, uint8 or float32 [rows, size, size, channels], to logits, float32 [rows,
    classes].

    Standardises inside, with the training split's mean and scale of each channel. Convolutions
    begin as https://arxiv.org/abs/1502.01852 has them, and each block as its shortcut alone, its
    last scale being zero (https://arxiv.org/abs/1706.02677).
    """

    mean: torch.Tensor
    scale: torch.Tensor

    def __init__(self, settings: VisionNetworkSettings, dataset: VisionDataset) -> None:
        super().__init__()
        self.register_buffer("mean", torch.from_numpy(dataset.mean)[:, None, None])
        self.register_buffer("scale", torch.from_numpy(dataset.scale)[:, None, None])
        self.layout = torch.channels_last if settings.channels_last else torch.contiguous_format
        self.stem = _stem(len(dataset.mean), settings)
        self.blocks = nn.ModuleList(_blocks(settings))
        self.dropout = nn.Dropout(settings.dropout)
        self.head = nn.Linear(_outputs(settings), len(dataset.classes))
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
        self.to(memory_format=self.layout)  # type: ignore[call-overload]

    def forward(self, pictures: torch.Tensor) -> torch.Tensor:
        """The logits."""
        values = pictures.permute(0, 3, 1, 2).to(self.mean.dtype)
        values = ((values - self.mean) / self.scale).contiguous(memory_format=self.layout)
        values = self.stem(values)
        for block in self.blocks:
            values = block(values)
        # A plain mean: adaptive pooling has no deterministic gradient on a GPU.
        logits: torch.Tensor = self.head(self.dropout(values.mean(dim=(2, 3))))
        return logits

    def removable(self) -> Iterator[Group]:
        """Channels between the convolutions of a block, and those that blocks add to: these lie
        in everything from where the stream begins to the projection that ends it."""
        stream = _made_by(self.stem[0], self.stem[1])
        for block in (module for module in self.blocks if isinstance(module, Block)):
            yield from block.inner()
            stream.append(Slot(block.residual[0], "reads"))
            if isinstance(block.shortcut, nn.Sequential):
                yield _group([*stream, Slot(block.shortcut[0], "reads")])
                stream = _made_by(block.shortcut[0], block.shortcut[1])
            stream += _made_by(block.residual[-2], block.residual[-1])
        yield _group([*stream, Slot(self.head, "reads")])


class Block(nn.Module):
    """`relu(residual(x) + shortcut(x))`; a `stride` of 2 halves the picture's sides."""

    residual: nn.Sequential
    shortcut: nn.Identity | nn.Sequential

    def __init__(self, inputs: int, width: int, stride: int, *, bottleneck: bool) -> None:
        super().__init__()
        outputs = width * EXPANSION if bottleneck else width
        kernels = (1, 3, 1) if bottleneck else (3, 3)
        strides = (1, stride, 1) if bottleneck else (stride, 1)
        channels = (inputs, *(width for _ in kernels[1:]), outputs)
        layers: list[nn.Module] = []
        for (before, after), kernel, step in zip(
            itertools.pairwise(channels), kernels, strides, strict=True
        ):
            layers += [*_convolution(before, after, kernel, step), nn.ReLU()]
        self.residual = nn.Sequential(*layers[:-1])
        nn.init.zeros_(layers[-2].weight)  # type: ignore[arg-type]
        self.shortcut = (
            nn.Identity()
            if stride == 1 and inputs == outputs
            else nn.Sequential(*_convolution(inputs, outputs, 1, stride))
        )

    def forward(self, values: torch.Tensor) -> torch.Tensor:
        """float32 [rows, inputs, height, width] to [rows, outputs, height / stride, ...]."""
        return torch.relu(self.residual(values) + self.shortcut(values))

    def inner(self) -> Iterator[Group]:
        """The channels that only one convolution reads."""
        convolutions = [layer for layer in self.residual if isinstance(layer, nn.Conv2d)]
        norms = [layer for layer in self.residual if isinstance(layer, Normalization)]
        for (before, after), norm in zip(itertools.pairwise(convolutions), norms, strict=False):
            yield _group([*_made_by(before, norm), Slot(after, "reads")])


def _made_by(convolution: nn.Module, norm: nn.Module) -> list[Slot]:
    return [Slot(convolution, "writes"), Slot(norm, "scales")]


def _group(slots: list[Slot]) -> Group:
    return Group(int(slots[0].module.get_parameter("weight").shape[0]), tuple(slots))


def check_size(size: int, settings: VisionNetworkSettings) -> None:
    """Raises InvalidSetting for pictures that are too small for so many stages."""
    if not settings.blocks:
        raise InvalidSetting("blocks", expected="the blocks of at least one stage", got="none")
    halvings = len(settings.blocks) - 1 + (2 if settings.stem == "large" else 0)
    least = (_LEAST_SIDE - 1) * 2**halvings + 1
    if size < least:
        raise InvalidSetting(
            "image_size",
            expected=f"at least {least} for {len(settings.blocks)} stages "
            f"behind a {settings.stem} stem",
            got=size,
        )


def _stem(channels: int, settings: VisionNetworkSettings) -> nn.Sequential:
    if settings.stem == "small":
        return nn.Sequential(*_convolution(channels, settings.width, 3, 1), nn.ReLU())
    return nn.Sequential(
        *_convolution(channels, settings.width, 7, 2),
        nn.ReLU(),
        nn.MaxPool2d(3, stride=2, padding=1),
    )


def _blocks(settings: VisionNetworkSettings) -> Iterator[Block]:
    inputs = settings.width
    for stage, count in enumerate(settings.blocks):
        width = settings.width * 2**stage
        for number in range(count):
            stride = 2 if stage and not number else 1
            yield Block(inputs, width, stride, bottleneck=settings.bottleneck)
            inputs = width * EXPANSION if settings.bottleneck else width


def _outputs(settings: VisionNetworkSettings) -> int:
    width = settings.width << (len(settings.blocks) - 1)
    return width * EXPANSION if settings.bottleneck else width


def _convolution(inputs: int, outputs: int, kernel: int, stride: int) -> list[nn.Module]:
    return [
        nn.Conv2d(inputs, outputs, kernel, stride, padding=kernel // 2, bias=False),
        nn.BatchNorm2d(outputs),
    ]
