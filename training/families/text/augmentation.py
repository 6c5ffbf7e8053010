"""What is done to a text each time that it is trained on."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from training.data.texts.tokenizer import FIRST, MASK, PAD

if TYPE_CHECKING:
    from torch import Tensor


class HiddenTokens:
    """Hides tokens, each with the probability `share`, behind one that says nothing."""

    def __init__(self, share: float) -> None:
        self._share = share

    def draws(self, features: Tensor) -> int:
        """One for each token."""
        return features.shape[1]

    def __call__(self, features: Tensor, targets: Tensor, draws: Tensor) -> tuple[Tensor, Tensor]:
        """See `Augmentation`; the first token and padding stay."""
        hidden = (draws < self._share) & (features != PAD) & (features != FIRST)
        return torch.where(hidden, MASK, features), targets
