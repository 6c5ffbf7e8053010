"""Small networks of the kinds that are compressed, and their files."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import onnx
import onnxruntime
import torch
from torch import nn
from torch.nn import functional

from infermeter.signature import Signature, TensorSpec
from infermeter.tensors import DATATYPES
from training.compression.groups import Group, Slot, neurons
from training.export import export_onnx
from training.served import Served

if TYPE_CHECKING:
    from pathlib import Path

WORDS, WIDTH = 300, 16


class Residual(nn.Module):
    """Two convolutions beside a shortcut; the channels between the two can go."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.norm = nn.BatchNorm2d(channels)
        self.second = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.last = nn.BatchNorm2d(channels)

    def forward(self, values: torch.Tensor) -> torch.Tensor:
        inner = functional.relu(self.norm(self.first(values)))
        return functional.relu(values + self.last(self.second(inner)))

    def removable(self) -> list[Group]:
        slots = (Slot(self.first, "writes"), Slot(self.norm, "scales"), Slot(self.second, "reads"))
        return [Group(self.first.out_channels, slots)]


class Pictures(nn.Module):
    """[rows, 1, 8, 8] to [rows, 5]: a stem, one block, and a layer over the flat picture."""

    def __init__(self, channels: int = 8) -> None:
        super().__init__()
        self.stem = nn.Conv2d(1, channels, 3, padding=1)
        self.norm = nn.BatchNorm2d(channels)
        self.block = Residual(channels)
        self.head = nn.Linear(channels * 16, 5)

    def forward(self, pictures: torch.Tensor) -> torch.Tensor:
        values = self.block(functional.relu(self.norm(self.stem(pictures))))
        return self.head(functional.avg_pool2d(values, 2).flatten(1))

    def removable(self) -> list[Group]:
        block = self.block
        slots = (
            *(Slot(self.stem, "writes"), Slot(self.norm, "scales"), Slot(block.first, "reads")),
            *(Slot(block.second, "writes"), Slot(block.last, "scales")),
            Slot(self.head, "reads", inner=16),
        )
        return [Group(self.stem.out_channels, slots)]


class Attention(nn.Module):
    """Queries, keys and values in one layer; its heads can go."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads, self.size = heads, width // heads
        self.inputs, self.output = nn.Linear(width, 3 * width), nn.Linear(width, width)

    def forward(self, tokens: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        rows, length, _ = tokens.shape
        parts = self.inputs(tokens).view(rows, length, 3, self.heads, self.size)
        queries, keys, values = parts.permute(2, 0, 3, 1, 4)
        found = functional.scaled_dot_product_attention(queries, keys, values, attn_mask=mask)
        return self.output(found.transpose(1, 2).reshape(rows, length, -1))

    def removable(self) -> list[Group]:
        slots = (
            Slot(self.inputs, "writes", outer=3, inner=self.size),
            Slot(self.output, "reads", inner=self.size),
        )
        return [Group(self.heads, slots, left=lambda left: setattr(self, "heads", left))]


class Sentences(nn.Module):
    """Token ids [rows, tokens], 0 for none, to [rows, 5], by way of attention."""

    def __init__(self) -> None:
        super().__init__()
        self.words = nn.Embedding(WORDS, WIDTH)
        self.norm = nn.LayerNorm(WIDTH)
        self.attention = Attention(WIDTH, 4)
        self.up, self.down = nn.Linear(WIDTH, 64), nn.Linear(64, WIDTH)
        self.head = nn.Linear(WIDTH, 5)

    def forward(self, ids: torch.Tensor) -> torch.Tensor:
        mask = (ids != 0)[:, None, None, :].expand(-1, 1, ids.shape[1], -1)
        tokens = self.words(ids)
        tokens = tokens + self.attention(self.norm(tokens), mask)
        tokens = tokens + self.down(functional.gelu(self.up(tokens)))
        return self.head(tokens.mean(dim=1))

    def removable(self) -> list[Group]:
        return [neurons(self.up, self.down)]


class Tied(nn.Module):
    """Token ids [rows, tokens] to logits [rows, tokens, words]: one table is read and multiplied
    by."""

    def __init__(self, words: int = WORDS, width: int = 64) -> None:
        super().__init__()
        self.words = nn.Embedding(words, width)
        self.inner = nn.Linear(width, width)
        self.head = nn.Linear(width, words, bias=False)
        self.head.weight = self.words.weight

    def forward(self, ids: torch.Tensor) -> torch.Tensor:
        return self.head(torch.tanh(self.inner(self.words(ids))))


def seeded(kind: Any, *arguments: int) -> nn.Module:
    """A network in evaluation mode, with statistics of its normalizations that are not 0 and 1."""
    torch.manual_seed(0)
    network: nn.Module = kind(*arguments).eval()
    with torch.no_grad():
        for module in network.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.running_mean.normal_(std=0.2)
                module.running_var.uniform_(0.5, 2)
                module.weight.uniform_(0.5, 2)
    return network


def pictures(rows: int, seed: int = 0) -> np.ndarray:
    """Noise, float32 [rows, 1, 8, 8]."""
    return np.random.default_rng(seed).normal(size=(rows, 1, 8, 8)).astype(np.float32)


def sentences(rows: int, seed: int = 0) -> np.ndarray:
    """Ids, int64 [rows, 12], the last two of them none."""
    ids = np.random.default_rng(seed).integers(1, WORDS, (rows, 12))
    ids[:, 10:] = 0
    return ids


def served(network: nn.Module, *, opset: int = 20, in_float: tuple[str, ...] = ()) -> Served:
    """Any of the networks, from `values` to `answers`."""
    fp32, int64 = DATATYPES["FP32"], DATATYPES["INT64"]
    takes_pictures = isinstance(network, Pictures)
    given = (
        TensorSpec("values", fp32, (-1, 1, 8, 8))
        if takes_pictures
        else TensorSpec("values", int64, (-1, -1))
    )
    shape = (-1, -1, network.words.num_embeddings) if isinstance(network, Tied) else (-1, 5)
    return Served(
        module=network,
        signature=Signature((given,), (TensorSpec("answers", fp32, shape),)),
        judged="answers",
        preprocessing="",
        axes={} if takes_pictures else {"values": {1: "tokens"}},
        opset=opset,
        in_float=in_float,
    )


class File(NamedTuple):
    """A network's file, and the names of the nodes that are to stay in float."""

    model: onnx.ModelProto
    in_float: tuple[str, ...]


def exported(network: nn.Module, file: Path, *, opset: int, in_float: tuple[str, ...] = ()) -> File:
    """The network's file, read again."""
    rows = pictures if isinstance(network, Pictures) else sentences
    thing = served(network, opset=opset, in_float=in_float)
    export = export_onnx(thing, lambda count: {"values": rows(count)}, file)
    return File(onnx.load(file), export.in_float)


def run(model: onnx.ModelProto, values: np.ndarray) -> np.ndarray:
    """The file's answers."""
    session = onnxruntime.InferenceSession(model.SerializeToString())
    return session.run(None, {"values": values})[0]


def product(weights: np.ndarray) -> onnx.ModelProto:
    """A graph by hand: `values` [rows, inputs] times the weights."""
    kind = onnx.TensorProto.FLOAT
    graph = onnx.helper.make_graph(
        [onnx.helper.make_node("MatMul", ["values", "weights"], ["answers"], "product")],
        "product",
        [onnx.helper.make_tensor_value_info("values", kind, ["batch", weights.shape[0]])],
        [onnx.helper.make_tensor_value_info("answers", kind, ["batch", weights.shape[1]])],
        [onnx.numpy_helper.from_array(weights, "weights")],
    )
    opset = onnx.helper.make_operatorsetid("", 21)
    return onnx.helper.make_model(graph, opset_imports=[opset], ir_version=10)
