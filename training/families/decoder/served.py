"""What is exported of a decoder: a graph that scores, and one that goes on from a cache."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from training.families.decoder.network import Cache

if TYPE_CHECKING:
    from training.families.decoder.network import DecoderNetwork


class Scorer(nn.Module):
    """Ids and mask, int64 [rows, tokens], to the logits of each row's next token, float32
    [rows, vocabulary], and to the log-likelihood of each token, float32 [rows, tokens].

    The likelihood is in nats, given the tokens before: 0 for a row's first token and for padding,
    which may be on either side.
    """

    def __init__(self, network: DecoderNetwork) -> None:
        super().__init__()
        self.network = network

    def forward(self, ids: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        """See the class."""
        hidden, _ = self.network.model(ids, positions(mask), visible(mask, 0))
        places = torch.arange(ids.shape[1])
        last = torch.where(mask > 0, places, 0).amax(dim=1)
        at_last = hidden.gather(1, last[:, None, None].expand(-1, 1, hidden.shape[2]))[:, 0]
        before = torch.log_softmax(self.network.logits(hidden[:, :-1]), dim=-1)
        found = before.gather(2, ids[:, 1:, None])[:, :, 0] * (mask[:, :-1] * mask[:, 1:])
        likelihood = torch.cat((torch.zeros_like(ids[:, :1], dtype=found.dtype), found), dim=1)
        return self.network.logits(at_last), likelihood


class Generator(nn.Module):
    """Ids, int64 [rows, tokens], that follow what a cache has been made of, to the logits of each
    next token, float32 [rows, tokens, vocabulary], and to the cache that has them too.

    `mask` is of past and present tokens, int64 [rows, past + tokens]; the cache is, layer by
    layer, keys and values, float32 [rows, kv_heads, past, head width].
    """

    def __init__(self, network: DecoderNetwork) -> None:
        super().__init__()
        self.network = network

    def forward(self, ids: Tensor, mask: Tensor, *past: Tensor) -> tuple[Tensor, ...]:
        """The logits, then the cache in the order in which it came."""
        caches = [Cache(*past[at : at + 2]) for at in range(0, len(past), 2)]
        so_far = past[0].shape[2]
        places = positions(mask)[:, so_far:]
        hidden, caches = self.network.model(ids, places, visible(mask, so_far), caches)
        return (self.network.logits(hidden), *(part for cache in caches for part in cache))


def positions(mask: Tensor) -> Tensor:
    """Each token's number in its row, padding left out, int64 like the mask."""
    return (mask.cumsum(dim=1) - 1).clamp(min=0)


def visible(mask: Tensor, past: int) -> Tensor:
    """What each present token looks at: itself, and real tokens before it.

    bool [rows, 1, present, past + present]. Padding looks at itself too: an attention over nothing
    would be NaN, and spread.
    """
    places = torch.arange(mask.shape[1])
    present = places[past:, None]
    before = (places[None] < present)[None, None] & (mask > 0)[:, None, None, :]
    return before | (places[None] == present)[None, None]
