"""Rows to train on, in three splits, whatever they are of."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray


class Rows(Protocol):
    """Rows that are in memory, or are read when they are taken."""

    @property
    def labels(self) -> NDArray[Any]:
        """What each row is judged by: classes, int64 [rows], or numbers, float32 [rows]."""
        ...

    def __len__(self) -> int: ...

    def take(self, numbers: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
        """Features and targets of the rows of these numbers, as the network and the loss get
        them; the first axis of both is that of `numbers`."""
        ...


@dataclass(frozen=True, slots=True, eq=False)
class ArrayRows:
    """Rows in memory. `targets` are what the loss gets; `labels` themselves where classes are."""

    features: NDArray[Any]
    labels: NDArray[Any]
    targets: NDArray[Any]

    def __len__(self) -> int:
        return len(self.labels)

    def take(self, numbers: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
        """See `Rows`."""
        return self.features[numbers], self.targets[numbers]


class Report(Protocol):
    """What was wrong with the data, counted."""

    def document(self) -> dict[str, Any]:
        """Everything, fit for JSON."""
        ...

    def summary(self) -> dict[str, int]:
        """The totals: `read` and `kept` rows, and what was missing, repeated, refused."""
        ...


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Dataset:
    """Three splits. `classes` is empty where there are none; `digest` is that of the data before
    anything was done to it, `source` where it came from."""

    train: Rows
    validation: Rows
    test: Rows
    classes: tuple[str, ...]
    report: Report
    source: str
    digest: str

    def splits(self) -> Mapping[str, Rows]:
        """The splits by name."""
        return {"train": self.train, "validation": self.validation, "test": self.test}
