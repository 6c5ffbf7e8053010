"""What the model's card says and nobody can measure."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class CardSettings:
    """What the model is for, what it must not be used for or cannot do, and where the recipe's
    own data comes from and on which terms. Sentences."""

    purpose: str = ""
    limits: tuple[str, ...] = ()
    about_data: str = ""
