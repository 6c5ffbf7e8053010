"""What is wrong with documents, counted; and the documents without it."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

    from training.data.streams.documents import Document


@dataclass(frozen=True, slots=True)
class DocumentReport:
    """Counts over the documents as they were read: `empty` ones have nothing but white space,
    `duplicates` are equal to an earlier one but for white space at their ends. Neither is trained
    on. `characters` are those of the documents kept."""

    read: int
    kept: int
    empty: int
    duplicates: int
    characters: int

    def document(self) -> dict[str, Any]:
        """Everything, fit for JSON."""
        return asdict(self)

    def summary(self) -> dict[str, int]:
        """The totals."""
        return asdict(self)


def clean(documents: Sequence[Document]) -> tuple[list[str], DocumentReport]:
    """The texts without white space at their ends, the first of equal ones: one that fell into two
    splits would be a leak."""
    texts = [document.text.strip() for document in documents]
    full = [text for text in texts if text]
    kept = list(dict.fromkeys(full))
    return kept, DocumentReport(
        read=len(texts),
        kept=len(kept),
        empty=len(texts) - len(full),
        duplicates=len(full) - len(kept),
        characters=sum(map(len, kept)),
    )
