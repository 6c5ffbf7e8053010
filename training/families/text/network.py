"""A BERT-style encoder beside a table of token pairs: from tokens to a class and to a vector."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import nn
from torch.nn import functional

from training.compression.groups import Group, Slot, neurons
from training.data.texts.tokenizer import PAD

if TYPE_CHECKING:
    from collections.abc import Iterator

    from torch import Tensor

    from training.settings.text import TextNetworkSettings

# Below every value that the largest is taken of, and within what float16 can hold.
_FAR_BELOW = -1e4
_WAVELENGTH = 10_000.0
# Of the table: it makes a step of a usual learning rate large enough for a rare pair to count.
_SCALE = 20.0
# A pair's row in the table is (first * _HASH[0] + second * _HASH[1]) modulo its size.
_HASH = (1_000_003, 7_919)


class Block(nn.Module):
    """Attention over the row's own tokens, then a feed-forward part, each added to what comes in.

    Normalised before each part: Xiong et al., On Layer Normalization in the Transformer
    Architecture (2020). Positions turn queries and keys: Su et al., RoFormer (2021).
    """

    def __init__(self, settings: TextNetworkSettings) -> None:
        super().__init__()
        width, self.heads = settings.width, settings.heads
        self.part = width // settings.heads
        self.before_attention = nn.LayerNorm(width)
        self.queries_keys_values = nn.Linear(width, 3 * width)
        self.after_attention = nn.Linear(width, width)
        self.before_feedforward = nn.LayerNorm(width)
        self.wider = nn.Linear(width, settings.feedforward * width)
        self.narrower = nn.Linear(settings.feedforward * width, width)
        self.dropout = nn.Dropout(settings.dropout)

    def forward(self, tokens: Tensor, seen: Tensor, turns: tuple[Tensor, Tensor]) -> Tensor:
        """float32 [rows, tokens, width] both ways; `seen` is bool [rows, 1, tokens, tokens],
        `turns` cosines and sines [tokens, width / heads / 2]."""
        rows, count, _ = tokens.shape
        parts = self.queries_keys_values(self.before_attention(tokens))
        parts = parts.view(rows, count, 3, self.heads, self.part)
        queries, keys, values = parts.permute(2, 0, 3, 1, 4)
        attended = functional.scaled_dot_product_attention(
            turned(queries, *turns), turned(keys, *turns), values, attn_mask=seen
        )
        attended = attended.transpose(1, 2).reshape(rows, count, self.heads * self.part)
        tokens = tokens + self.dropout(self.after_attention(attended))
        wide = functional.gelu(self.wider(self.before_feedforward(tokens)), approximate="tanh")
        added: Tensor = self.dropout(self.narrower(wide))
        return tokens + added

    def removable(self) -> Iterator[Group]:
        """Heads and the neurons between."""
        yield Group(
            self.heads,
            (
                Slot(self.queries_keys_values, "writes", outer=3, inner=self.part),
                Slot(self.after_attention, "reads", inner=self.part),
            ),
            self._keep_heads,
        )
        yield neurons(self.wider, self.narrower)

    def _keep_heads(self, heads: int) -> None:
        self.heads = heads


class Encoder(nn.Module):
    """Token ids, int64 [rows, tokens], to vectors of tokens, float32 [rows, tokens, width]."""

    def __init__(self, settings: TextNetworkSettings, vocabulary: int) -> None:
        super().__init__()
        self.part = settings.width // settings.heads
        self.embedding = nn.Embedding(vocabulary, settings.width)
        self.first = nn.LayerNorm(settings.width)
        self.blocks = nn.ModuleList(Block(settings) for _ in range(settings.layers))
        self.last = nn.LayerNorm(settings.width)
        nn.init.normal_(self.embedding.weight, std=0.02)

    def forward(self, ids: Tensor, present: Tensor) -> tuple[Tensor, Tensor]:
        """The tokens before the first block and after the last; `present` is bool [rows, tokens],
        and no token sees one that is not."""
        count = ids.shape[1]
        turns = _turns(count, self.part, ids.device)
        # Of all four axes: the exporter's Attention takes no mask that is to be broadcast.
        seen = present[:, None, None, :].expand(-1, 1, count, -1)
        tokens = first = self.first(self.embedding(ids))
        for block in self.blocks:
            tokens = block(tokens, seen, turns)
        return first, self.last(tokens)


class PairTable(nn.Module):
    """A linear model of what a text has, whatever its order: a logit of every class for each token
    and for each pair of neighbours.

    Pairs share `pairs` rows by a hash: Weinberger et al., Feature Hashing for Large Scale Multitask
    Learning (2009). All begin at zero.
    """

    def __init__(self, vocabulary: int, pairs: int, classes: int) -> None:
        super().__init__()
        self.tokens = nn.Embedding(vocabulary, classes)
        self.pairs = nn.Embedding(pairs, classes)
        for table in (self.tokens, self.pairs):
            nn.init.zeros_(table.weight)

    def forward(self, ids: Tensor, present: Tensor) -> Tensor:
        """Logits, float32 [rows, classes]; the last token's pair is with padding."""
        ids = torch.where(present, ids, PAD)
        following = torch.cat([ids[:, 1:], torch.full_like(ids[:, :1], PAD)], dim=1)
        rows = (ids * _HASH[0] + following * _HASH[1]) % self.pairs.num_embeddings
        weights = present[:, :, None].to(self.pairs.weight.dtype)
        found = ((self.tokens(ids) + self.pairs(rows)) * weights).sum(dim=1)
        logits: Tensor = _SCALE * found / (2 * weights.sum(dim=1)).clamp(min=1).sqrt()
        return logits


class TextNetwork(nn.Module):
    """Token ids, int64 [rows, tokens], to logits, float32 [rows, 2, classes]: the encoder's and
    the table's. They learn apart, as one that fits the training texts leaves the other nothing.

    The encoder tells the class by the vector of the first token, by the mean and the largest of
    all, and by the mean of the tokens as they come.
    """

    def __init__(self, settings: TextNetworkSettings, vocabulary: int, classes: int) -> None:
        super().__init__()
        self.share = settings.pair_share
        self.encoder = Encoder(settings, vocabulary)
        self.table = PairTable(vocabulary, settings.pairs, classes)
        self.dropout = nn.Dropout(settings.dropout)
        self.head = nn.Linear(4 * settings.width, classes)

    def forward(self, ids: Tensor) -> Tensor:
        """Both logits."""
        present = ids != PAD
        logits, _ = self.encoded(ids, present)
        return torch.stack([logits, self.table(ids, present)], dim=1)

    def encoded(self, ids: Tensor, present: Tensor) -> tuple[Tensor, Tensor]:
        """The encoder's logits, and the mean vector [rows, width] of the tokens present."""
        first, last = self.encoder(ids, present)
        mean = _mean(last, present)
        largest = last.masked_fill(~present[:, :, None], _FAR_BELOW).amax(dim=1)
        found = torch.cat([last[:, 0], mean, largest, _mean(first, present)], dim=1)
        return self.head(self.dropout(found)), mean


def joined(logits: Tensor, share: float, *, against_the_rest: bool = False) -> Tensor:
    """Of logits [rows, 2, classes] the logarithms of the probabilities of both, added by their
    shares; not normalised again. A product of experts: Hinton, Training Products of Experts (2002).

    Logits of one class against the rest are each turned into its own probability first.
    """
    if against_the_rest:
        logits = functional.logsigmoid(logits)
    both = torch.log_softmax(logits, dim=-1)
    return (1 - share) * both[:, 0] + share * both[:, 1]


class ServedText(nn.Module):
    """What is served: `input_ids` and `attention_mask`, int64 [rows, tokens], to probabilities,
    float32 [rows, classes], and a vector of length one, float32 [rows, width]."""

    def __init__(self, network: TextNetwork, *, against_the_rest: bool = False) -> None:
        super().__init__()
        self.network, self.against_the_rest = network, against_the_rest

    def forward(self, ids: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        """A row whose mask is all zero is taken for a text of all its tokens."""
        present = mask != 0
        present = present | ~present.any(dim=1, keepdim=True)
        encoded, mean = self.network.encoded(ids, present)
        logits = torch.stack([encoded, self.network.table(ids, present)], dim=1)
        found = joined(logits, self.network.share, against_the_rest=self.against_the_rest)
        probabilities = torch.softmax(found, dim=-1)
        return probabilities, functional.normalize(mean, dim=-1)


def turned(values: Tensor, cosines: Tensor, sines: Tensor) -> Tensor:
    """Each half's value with its partner in the other half turned by the position's angle."""
    left, right = values.chunk(2, dim=-1)
    found = torch.cat([left * cosines - right * sines, right * cosines + left * sines], dim=-1)
    # The angles are float32, even where autocast makes the values bfloat16.
    return found.to(values.dtype)


def _turns(count: int, width: int, device: torch.device) -> tuple[Tensor, Tensor]:
    """Cosines and sines [count, width / 2] of the angles of `count` positions."""
    exponents = torch.arange(0, width, 2, device=device) / width
    angles = torch.outer(torch.arange(count, device=device).float(), _WAVELENGTH**-exponents)
    return angles.cos(), angles.sin()


def _mean(tokens: Tensor, present: Tensor) -> Tensor:
    """Over the tokens that are present, [rows, width]; zero without one."""
    weights = present[:, :, None].to(tokens.dtype)
    return (tokens * weights).sum(dim=1) / weights.sum(dim=1).clamp(min=1)
