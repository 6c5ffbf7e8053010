"""Losses by the names that recipes use."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, assert_never

from torch.nn import functional

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Tensor


def loss_by_name(name: Literal["sparse_categorical_crossentropy"]) -> Callable[..., Tensor]:
    """A function of logits, float [rows, classes], and classes, int64 [rows]: the rows' mean."""
    match name:
        case "sparse_categorical_crossentropy":
            return functional.cross_entropy
        case _:
            assert_never(name)
