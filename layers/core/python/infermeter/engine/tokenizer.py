"""Texts to token ids, by the `tokenizers` library and the file that a model brings."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from infermeter.errors import ModelUnavailable

if TYPE_CHECKING:
    from collections.abc import Sequence

    import tokenizers

_PADDING = ("[PAD]", "<pad>")


class Tokenizer:
    """A `tokenizer.json`, read when first used; the file's own truncation and padding are off."""

    def __init__(self, content: bytes) -> None:
        self._content = content

    def encode(self, texts: Sequence[str]) -> list[list[int]]:
        """Each text's token ids, special tokens included. Raises ModelUnavailable."""
        return [encoding.ids for encoding in self._loaded.encode_batch_fast(list(texts))]

    @cached_property
    def size(self) -> int:
        """One more than the largest id that it knows. Raises ModelUnavailable."""
        return max(self._loaded.get_vocab(with_added_tokens=True).values(), default=-1) + 1

    @cached_property
    def pad_id(self) -> int:
        """The id that it pads with; 0 where it names none. Raises ModelUnavailable."""
        loaded = self._loaded
        known = (loaded.token_to_id(token) for token in _PADDING)
        return next((token for token in known if token is not None), 0)

    @cached_property
    def _loaded(self) -> tokenizers.Tokenizer:
        # Here alone: a model that does not embed shall not wait for it.
        from tokenizers import Tokenizer as Loaded

        try:
            loaded = Loaded.from_buffer(self._content)
        except Exception as error:  # the library raises the bare class
            raise ModelUnavailable(f"the tokenizer could not be loaded: {error}") from error
        loaded.no_truncation()
        loaded.no_padding()
        return loaded
