"""The Llama shape: RMSNorm, rotary positions, grouped-query attention, SwiGLU, a tied head.

https://arxiv.org/abs/2302.13971, https://arxiv.org/abs/2305.13245 (grouped queries)
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from training.compression.groups import Group, neurons

if TYPE_CHECKING:
    from collections.abc import Sequence

    from training.settings.decoder import DecoderNetworkSettings

EPSILON = 1e-5


class Cache(NamedTuple):
    """A layer's keys and values so far, both [rows, kv_heads, tokens, head width]."""

    keys: Tensor
    values: Tensor


class DecoderNetwork(nn.Module):
    """Token ids, int64 [rows, tokens], to logits, float [rows, tokens, vocabulary].

    Each depends on its token and those before it only. The parameters have the names and shapes
    of Hugging Face's `LlamaForCausalLM`.
    """

    def __init__(self, settings: DecoderNetworkSettings, vocabulary: int) -> None:
        super().__init__()
        self.model = Decoder(settings, vocabulary)
        self._initialize(settings)

    def forward(self, ids: Tensor) -> Tensor:
        """The logits of each next token; for training, where every row is full."""
        positions = torch.arange(ids.shape[1], device=ids.device)[None]
        return self.logits(self.model(ids, positions)[0])

    def logits(self, hidden: Tensor) -> Tensor:
        """The head is the embedding turned round."""
        return functional.linear(hidden, self.model.embed_tokens.weight)

    def flops_per_token(self, context: int) -> int:
        """Floating-point operations of a training step for each token of rows of `context`.

        Six for each weight that is multiplied with (the embedding is, as the head), and twelve for
        each layer, position and channel in attention: https://arxiv.org/abs/2204.02311, appendix B.
        """
        weights = sum(value.numel() for value in self.parameters() if value.ndim > 1)
        layers, width = len(self.model.layers), self.model.embed_tokens.embedding_dim
        return 6 * weights + 12 * layers * width * context

    def _initialize(self, settings: DecoderNetworkSettings) -> None:
        """Normal; what adds to the residual stream is smaller, the more of it there is (GPT-2)."""
        residual = settings.initial_std / math.sqrt(2 * settings.layers)
        for name, value in self.named_parameters():
            if value.ndim > 1:
                adds = name.endswith(("o_proj.weight", "down_proj.weight"))
                nn.init.normal_(value, std=residual if adds else settings.initial_std)


class Decoder(nn.Module):
    """Token ids to hidden states, float [rows, tokens, width], and every layer's cache after a
    `past`."""

    def __init__(self, settings: DecoderNetworkSettings, vocabulary: int) -> None:
        super().__init__()
        self.embed_tokens = nn.Embedding(vocabulary, settings.width)
        self.layers = nn.ModuleList(Layer(settings) for _ in range(settings.layers))
        self.norm = nn.RMSNorm(settings.width, eps=EPSILON)
        self.dropout = nn.Dropout(settings.dropout)
        self._rotation = Rotation(settings.width // settings.heads, settings.rope_theta)

    @property
    def blocks(self) -> nn.ModuleList:
        """What is sharded, and computed again, one at a time."""
        return self.layers

    def forward(
        self,
        ids: Tensor,
        positions: Tensor,
        mask: Tensor | None = None,
        past: Sequence[Cache] = (),
    ) -> tuple[Tensor, list[Cache]]:
        """`positions` is int64 [rows or 1, tokens]; `mask` says which of the past and present
        tokens each one looks at, bool [rows, 1, tokens, past + tokens], and is causal without."""
        hidden = self.dropout(self.embed_tokens(ids))
        turns = self._rotation(positions)
        caches = []
        for number, layer in enumerate(self.layers):
            hidden, cache = layer(hidden, turns, mask, past[number] if past else None)
            if cache is not None:
                caches.append(cache)
        return self.norm(hidden), caches


class Layer(nn.Module):
    """Attention, then a gated feed-forward network, each added to what came in."""

    def __init__(self, settings: DecoderNetworkSettings) -> None:
        super().__init__()
        self.self_attn = Attention(settings)
        self.mlp = FeedForward(settings)
        self.input_layernorm = nn.RMSNorm(settings.width, eps=EPSILON)
        self.post_attention_layernorm = nn.RMSNorm(settings.width, eps=EPSILON)
        self.dropout = nn.Dropout(settings.dropout)

    def forward(
        self, hidden: Tensor, turns: tuple[Tensor, Tensor], mask: Tensor | None, past: Cache | None
    ) -> tuple[Tensor, Cache | None]:
        """See `Decoder`."""
        attended, cache = self.self_attn(self.input_layernorm(hidden), turns, mask, past)
        hidden = hidden + self.dropout(attended)
        fed = self.mlp(self.post_attention_layernorm(hidden))
        return hidden + self.dropout(fed), cache


class Attention(nn.Module):
    """Several query heads share each head of keys and values."""

    def __init__(self, settings: DecoderNetworkSettings) -> None:
        super().__init__()
        width, self.head = settings.width, settings.width // settings.heads
        shared = settings.kv_heads * self.head
        self.q_proj = nn.Linear(width, width, bias=False)
        self.k_proj = nn.Linear(width, shared, bias=False)
        self.v_proj = nn.Linear(width, shared, bias=False)
        self.o_proj = nn.Linear(width, width, bias=False)
        self.grouped = settings.kv_heads < settings.heads

    def forward(
        self, hidden: Tensor, turns: tuple[Tensor, Tensor], mask: Tensor | None, past: Cache | None
    ) -> tuple[Tensor, Cache | None]:
        """See `Decoder`."""
        queries = turn(self._heads(self.q_proj(hidden)), turns)
        keys = turn(self._heads(self.k_proj(hidden)), turns)
        values = self._heads(self.v_proj(hidden))
        if past is not None:
            keys = torch.cat((past.keys, keys), dim=2)
            values = torch.cat((past.values, values), dim=2)
        attended = functional.scaled_dot_product_attention(
            queries, keys, values, attn_mask=mask, is_causal=mask is None, enable_gqa=self.grouped
        )
        mixed = self.o_proj(attended.transpose(1, 2).flatten(2))
        return mixed, None if past is None else Cache(keys, values)

    def _heads(self, projected: Tensor) -> Tensor:
        """[rows, tokens, heads * head width] to [rows, heads, tokens, head width]."""
        rows, tokens, width = projected.shape
        return projected.view(rows, tokens, width // self.head, self.head).transpose(1, 2)


class FeedForward(nn.Module):
    """SwiGLU: https://arxiv.org/abs/2002.05202."""

    def __init__(self, settings: DecoderNetworkSettings) -> None:
        super().__init__()
        width, inner = settings.width, settings.feedforward
        self.gate_proj = nn.Linear(width, inner, bias=False)
        self.up_proj = nn.Linear(width, inner, bias=False)
        self.down_proj = nn.Linear(inner, width, bias=False)

    def forward(self, hidden: Tensor) -> Tensor:
        """[..., width] to the same."""
        fed: Tensor = self.down_proj(functional.silu(self.gate_proj(hidden)) * self.up_proj(hidden))
        return fed

    def removable(self) -> list[Group]:
        """The neurons between."""
        return [neurons(self.gate_proj, self.down_proj, self.up_proj)]


class Rotation(nn.Module):
    """Positions to the angles that heads are turned by: https://arxiv.org/abs/2104.09864."""

    frequencies: Tensor

    def __init__(self, head: int, theta: float) -> None:
        super().__init__()
        frequencies = theta ** (-torch.arange(0, head, 2, dtype=torch.float32) / head)
        self.register_buffer("frequencies", frequencies, persistent=False)

    def forward(self, positions: Tensor) -> tuple[Tensor, Tensor]:
        """Cosines and sines, float32 [rows, 1, tokens, head width / 2]."""
        angles = positions[:, None, :, None].float() * self.frequencies
        return angles.cos(), angles.sin()


def turn(heads: Tensor, turns: tuple[Tensor, Tensor]) -> Tensor:
    """Heads [rows, heads, tokens, head width], each half a coordinate, turned by their angles."""
    cosines, sines = (part.to(heads.dtype) for part in turns)
    left, right = heads.chunk(2, dim=-1)
    return torch.cat((left * cosines - right * sines, right * cosines + left * sines), dim=-1)
