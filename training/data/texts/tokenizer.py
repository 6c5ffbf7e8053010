"""The tokenizer: byte-pair encoding, learned from the training split's texts alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tokenizers import (
    Tokenizer,
    decoders,
    models,
    normalizers,
    pre_tokenizers,
    processors,
    trainers,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

PAD, FIRST, MASK = range(3)
SPECIAL = ("[PAD]", "[CLS]", "[MASK]")
# Every byte is a token, so that no text has an unknown one.
SMALLEST = 256 + len(SPECIAL)


def train_tokenizer(texts: Sequence[str], *, vocabulary: int, max_tokens: int) -> Tokenizer:
    """Words with the space before them, cased, and punctuation, cut into at most `vocabulary`
    parts, special tokens included.

    Every text begins with `[CLS]` and is cut to `max_tokens`. Equal texts give an equal tokenizer,
    as they would not with marked parts inside of words: the library numbers these at random.
    Sennrich, Haddow, Birch, Neural Machine Translation of Rare Words with Subword Units (2016);
    on bytes: Radford et al., Language Models are Unsupervised Multitask Learners (2019).
    """
    tokenizer = Tokenizer(models.BPE())
    tokenizer.normalizer = normalizers.NFKC()
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=True)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocabulary,
        min_frequency=2,
        special_tokens=[*SPECIAL],
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    tokenizer.post_processor = processors.TemplateProcessing(
        single=f"{SPECIAL[FIRST]} $A", special_tokens=[(SPECIAL[FIRST], FIRST)]
    )
    tokenizer.enable_truncation(max_tokens)
    return tokenizer
