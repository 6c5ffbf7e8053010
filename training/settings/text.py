"""What a recipe for classes of texts sets."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from training.settings.ranges import Range


@dataclass(frozen=True, slots=True)
class TextData:
    """What is trained on, and how it is cut into tokens.

    `bible` is the verses of the King James Bible by the genre of their book, `texts` whatever a
    channel has; its labels are found, or must be among `classes`. The fractions are of each
    class's texts. The tokenizer learns at most `vocabulary` tokens, from the training split; of a
    text `max_tokens` are looked at. `masked_share` of the tokens are hidden each time that a text
    is trained on.
    """

    source: Literal["bible", "texts"]
    validation_fraction: Annotated[float, Range(0.01, 0.4)]
    test_fraction: Annotated[float, Range(0.01, 0.4)]
    vocabulary: Annotated[int, Range(300, 1_000_000)]
    max_tokens: Annotated[int, Range(4, 65_536)]
    classes: tuple[str, ...] = ()
    masked_share: Annotated[float, Range(0.0, 0.9)] = 0.0


@dataclass(frozen=True, slots=True)
class TextNetworkSettings:
    """An encoder of `layers` blocks, each `heads` of attention, which must divide `width` into
    even parts, and a feed-forward part of `feedforward` times the width; beside it a table of
    tokens and of pairs of neighbours, which share `pairs` rows.

    What is served is the encoder's and the table's answers, the latter with `pair_share` of the
    weight. `dropout` is the share of each block's values, and of the values that the class is told
    by, that a training step leaves out.
    """

    width: Annotated[int, Range(2, 65_536)]
    layers: Annotated[int, Range(0, 1024)]
    heads: Annotated[int, Range(1, 1024)]
    pairs: Annotated[int, Range(1, 2**24)]
    pair_share: Annotated[float, Range(0.0, 1.0)] = 0.5
    feedforward: Annotated[int, Range(1, 16)] = 4
    dropout: Annotated[float, Range(0.0, 0.95)] = 0.0
