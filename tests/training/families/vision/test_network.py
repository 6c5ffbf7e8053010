"""ResNets from settings alone."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from training.compression.groups import shrink_network
from training.errors import InvalidSetting
from training.families.vision.network import VisionNetwork, check_size
from training.recipe import load


def network(classes: int = 10, channels: int = 1, **overrides: str) -> VisionNetwork:
    torch.manual_seed(0)
    dataset: Any = SimpleNamespace(
        mean=np.full(channels, 100, np.float32),
        scale=np.full(channels, 50, np.float32),
        classes=tuple(map(str, range(classes))),
    )
    return VisionNetwork(load("vision", overrides).network, dataset)


def parameters(module: nn.Module) -> int:
    return sum(value.numel() for value in module.parameters())


@pytest.mark.parametrize(
    ("blocks", "bottleneck", "count"),
    [
        # As torchvision counts them: ResNet-18, ResNet-34 and ResNet-50.
        ("2,2,2,2", "false", 11_689_512),
        ("3,4,6,3", "false", 21_797_672),
        ("3,4,6,3", "true", 25_557_032),
    ],
)
def test_well_known_networks(blocks: str, bottleneck: str, count: int):
    with torch.device("meta"):
        ours = network(1000, 3, blocks=blocks, bottleneck=bottleneck, width="64", stem="large")
    assert parameters(ours) == count


@pytest.mark.parametrize(("stem", "sides"), [("small", [16, 8, 4]), ("large", [4, 2, 1])])
def test_each_stage_halves_the_sides(stem: str, sides: list[int]):
    ours = network(blocks="1,1,1", width="4", stem=stem).eval()
    values, found = ours.stem(torch.zeros(1, 1, 16, 16)), []
    for block in ours.blocks:
        values = block(values)
        found.append(values.shape[2])
    assert found == sides
    assert values.shape[1] == 16


@pytest.mark.parametrize("bottleneck", ["true", "false"])
def test_block_begins_as_its_shortcut(bottleneck: str):
    ours = network(blocks="1,2", width="4", bottleneck=bottleneck)
    last = ours.blocks[-1]
    values = torch.rand(3, last.residual[0].in_channels, 4, 4)
    assert isinstance(last.shortcut, nn.Identity)
    torch.testing.assert_close(last(values), values)


def test_convolutions_begin_as_he_has_them():
    """By what reads a convolution's outputs: 64 channels in and 128 out."""
    weight = network(blocks="1,1,1", width="32").blocks[2].residual[0].weight
    assert float(weight.detach().std()) == pytest.approx((2 / (128 * 9)) ** 0.5, rel=0.02)


def test_bottleneck_halves_in_its_middle():
    layers = network(blocks="1,1", width="4", bottleneck="true").blocks[1].residual
    convolutions = [layer for layer in layers if isinstance(layer, nn.Conv2d)]
    assert [layer.stride for layer in convolutions] == [(1, 1), (2, 2), (1, 1)]
    assert [layer.kernel_size for layer in convolutions] == [(1, 1), (3, 3), (1, 1)]


def test_standardises_inside():
    ours = network(blocks="1", width="4").eval()
    pixels = torch.randint(0, 256, (3, 8, 8, 1), dtype=torch.uint8)
    seen = []
    ours.stem.register_forward_pre_hook(lambda _, given: seen.append(given[0]))
    ours(pixels)
    expected = (pixels.permute(0, 3, 1, 2).float() - 100) / 50
    torch.testing.assert_close(seen[0], expected)


def test_whole_numbers_and_others_are_alike():
    ours = network(blocks="1,1", width="4").eval()
    pixels = torch.randint(0, 256, (3, 8, 8, 1), dtype=torch.uint8)
    torch.testing.assert_close(ours(pixels), ours(pixels.float()))


def test_rows_do_not_see_each_other():
    ours = network(blocks="1,1", width="4").eval()
    pixels = torch.randint(0, 256, (3, 8, 8, 1), dtype=torch.uint8)
    torch.testing.assert_close(ours(pixels)[1:2], ours(pixels[1:2]))


def test_channels_last_is_a_layout_only():
    plain = network(channels=3, blocks="1,1", width="4")
    other = network(channels=3, blocks="1,1", width="4", channels_last="true")
    pixels = torch.randint(0, 256, (3, 8, 8, 3), dtype=torch.uint8)
    laid_out = {
        torch.channels_last: other.blocks[1].residual[0].weight,
        torch.contiguous_format: plain.blocks[1].residual[0].weight,
    }
    for layout, weight in laid_out.items():
        assert weight.is_contiguous(memory_format=layout)
    torch.testing.assert_close(other(pixels), plain(pixels), rtol=1e-4, atol=1e-5)


def test_dropout_is_of_the_last_layers_inputs():
    ours = network(blocks="1", width="4", dropout="0.5")
    with torch.no_grad():
        ours.head.weight.zero_()
        ours.head.weight[0] = 1
    pixels = torch.randint(0, 256, (1, 8, 8, 1), dtype=torch.uint8).expand(64, -1, -1, -1)
    assert len({*ours.train()(pixels)[:, 0].tolist()}) > 1
    assert len({*ours.eval()(pixels)[:, 0].tolist()}) == 1


@pytest.mark.parametrize(
    ("stem", "blocks", "least"), [("small", "1", 2), ("small", "2,2,2", 5), ("large", "1,1", 9)]
)
def test_too_small_pictures_are_refused(stem: str, blocks: str, least: int):
    settings = load("vision", {"stem": stem, "blocks": blocks, "width": "4"}).network
    check_size(least, settings)
    ours = network(stem=stem, blocks=blocks, width="4")
    ours(torch.zeros(1, least, least, 1))  # One row suffices for batch norm.
    with pytest.raises(InvalidSetting, match=rf"image_size': expected at least {least} for"):
        check_size(least - 1, settings)
    with pytest.raises(ValueError, match="more than 1 value per channel"):
        ours(torch.zeros(1, least - 1, least - 1, 1))


def test_network_without_blocks_is_refused():
    with pytest.raises(InvalidSetting, match=r"'blocks': expected the blocks of at least one"):
        check_size(8, load("vision", {"blocks": ""}).network)


@pytest.mark.parametrize("bottleneck", ["true", "false"])
@pytest.mark.parametrize("blocks", ["1", "2,1,2"])
def test_channels_that_do_nothing_can_be_taken_out(bottleneck: str, blocks: str):
    """Half of each group's are made to give nothing; without them the answers are the same."""
    ours = network(blocks=blocks, width="8", bottleneck=bottleneck)
    for block in ours.blocks:
        nn.init.uniform_(block.residual[-1].weight, 0.5, 1.5)
    silent = torch.Generator().manual_seed(0)
    for group in ours.removable():
        units = torch.randperm(group.units, generator=silent)[: group.units // 2]
        for slot in group.slots:
            if slot.role == "scales":
                with torch.no_grad():
                    slot.module.weight[units], slot.module.bias[units] = 0, 0
    pixels = torch.randint(0, 256, (5, 8, 8, 1), dtype=torch.uint8)
    ours.train()(pixels)
    before, size = ours.eval()(pixels), parameters(ours)
    shrink_network(ours, 0.5)
    torch.testing.assert_close(ours(pixels), before)
    assert parameters(ours) < 0.35 * size


def test_every_convolution_becomes_a_fourth():
    ours = network(blocks="2,2,2", width="8")
    sizes = [layer.weight.numel() for layer in ours.modules() if isinstance(layer, nn.Conv2d)]
    shrink_network(ours, 0.5)
    after = [layer.weight.numel() for layer in ours.modules() if isinstance(layer, nn.Conv2d)]
    # The first one reads the picture's one channel.
    assert [old / new for old, new in zip(sizes, after, strict=True)] == [2] + [4] * (
        len(sizes) - 1
    )
    ours(torch.zeros(2, 8, 8, 1))
