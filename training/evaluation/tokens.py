"""Tokens: how much a language model is surprised by text that it has not seen."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from training.evaluation.intervals import by_group, groups, of_each, resampled

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True, eq=False)
class TokenEvaluation:
    """Figures of one split. `perplexity` is e to the `nats_per_token`; of models that cut text
    into different tokens only `nats_per_character` compares. `sums` is float64 [rows, 3]: of each
    row the nats, the tokens that were to be foretold, and the characters that these stand for."""

    rows: int
    tokens: int
    characters: int
    nats_per_token: float
    nats_per_character: float
    perplexity: float
    sums: NDArray[np.float64] = field(repr=False)

    def terms(self) -> NDArray[np.float64]:
        """What `figures` takes the sums of, by group of rows [groups, 3]."""
        return by_group(self.sums, groups(self.rows))

    def figures(self, sums: NDArray[np.float64]) -> dict[str, NDArray[np.float64]]:
        """The figures by sums of `terms` [..., 3]; per character not a number without any."""
        nats, tokens, characters = np.moveaxis(sums, -1, 0)
        return {
            "nats_per_token": nats / tokens,
            "nats_per_character": nats / np.where(characters > 0, characters, np.nan),
            "perplexity": np.exp(nats / tokens),
        }

    def document(self) -> dict[str, Any]:
        """Everything, with intervals, fit for JSON."""
        return {
            "rows": self.rows,
            "tokens": self.tokens,
            "characters": self.characters,
            "nats_per_token": self.nats_per_token,
            "nats_per_character": self.nats_per_character,
            "perplexity": self.perplexity,
            "intervals": of_each(self.figures(resampled(self.terms()))),
        }


def evaluate_tokens(
    nats: NDArray[np.floating], tokens: NDArray[np.int64], characters: NDArray[np.int64]
) -> TokenEvaluation:
    """Judge by sums over each row, all [rows]: the nats, -log of the probabilities given to its
    tokens, how many tokens these were, and how many characters they stand for.

    A row is what stands for itself, a document, a verse, or a window of one text: rows are drawn
    for the intervals, so tokens that hang together belong into one. Every row has a token. To
    compare two models, give both the same rows in the same order, whatever their tokens.
    """
    sums = np.column_stack([nats, tokens, characters]).astype(np.float64)
    nat, token, character = sums.sum(axis=0).tolist()
    return TokenEvaluation(
        rows=len(sums),
        tokens=int(token),
        characters=int(character),
        nats_per_token=nat / token,
        nats_per_character=nat / character,
        perplexity=float(np.exp(nat / token)),
        sums=sums,
    )
