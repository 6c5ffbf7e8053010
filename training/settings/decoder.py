"""What a recipe for a language model sets."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from training.settings.ranges import Range


@dataclass(frozen=True, slots=True)
class DecoderData:
    """What is trained on: windows of `context` tokens of a stream, text after text.

    The fractions are of the texts, in runs of neighbours; a byte-pair vocabulary of `vocabulary`
    tokens is made of the training texts alone.
    """

    source: Literal["bible"]
    vocabulary: Annotated[int, Range(257, 1_000_000)]
    context: Annotated[int, Range(8, 131_072)]
    validation_fraction: Annotated[float, Range(0.01, 0.4)]
    test_fraction: Annotated[float, Range(0.01, 0.4)]


@dataclass(frozen=True, slots=True)
class DecoderNetworkSettings:
    """`heads` share `width`, and `kv_heads` heads of keys and values; `feedforward` is the width
    between. Embedding and head have as many rows as the next multiple of `vocabulary_multiple`."""

    layers: Annotated[int, Range(1, 1024)]
    width: Annotated[int, Range(2, 65_536)]
    heads: Annotated[int, Range(1, 1024)]
    kv_heads: Annotated[int, Range(1, 1024)]
    feedforward: Annotated[int, Range(1, 262_144)]
    vocabulary_multiple: Annotated[int, Range(1, 4096)] = 1
    rope_theta: Annotated[float, Range(1.0, 1e9)] = 10_000.0
    initial_std: Annotated[float, Range(1e-6, 10.0)] = 0.02
    dropout: Annotated[float, Range(0.0, 0.95)] = 0.0
