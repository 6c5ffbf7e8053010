"""Byte pairs: https://arxiv.org/abs/1508.07909, on bytes, as in GPT-2."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

# Before each text and after the last one; it pads too, where there is a mask.
END = "<|endoftext|>"
END_ID = 0
# The bytes, and the end.
SMALLEST = 257


class Stream(NamedTuple):
    """Ids, int32 [tokens], and how many characters each stands for, int32 [tokens]."""

    ids: NDArray[np.int32]
    characters: NDArray[np.int32]


def train_tokenizer(texts: Sequence[str], vocabulary: int) -> Tokenizer:
    """At most `vocabulary` tokens, the bytes and the end among them: no text has an unknown one.

    Every text comes back from its tokens. Equal texts give an equal tokenizer.
    """
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocabulary,
        min_frequency=2,
        special_tokens=[END],
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    return tokenizer


def tokenize(tokenizer: Tokenizer, texts: Sequence[str]) -> Stream:
    """The texts one after the other, the end before each and after the last."""
    ids, characters = [np.array([END_ID], np.int32)], [np.zeros(1, np.int32)]
    for encoding in tokenizer.encode_batch(list(texts)):
        ends = np.array([end for _, end in encoding.offsets], np.int64)
        # A character whose bytes are several tokens is its first one's.
        reached = np.maximum.accumulate(ends)
        ids.append(np.array([*encoding.ids, END_ID], np.int32))
        characters.append(np.diff(reached, prepend=0, append=reached[-1]).astype(np.int32))
    return Stream(np.concatenate(ids), np.concatenate(characters))
