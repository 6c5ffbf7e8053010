"""What the model's card says and nobody can measure."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class CardSettings:
    """What the model is for, what it must not be used for or cannot do, and where the recipe's
    own data comes from and on which terms. Sentences.

    `data_digest` is that of the data they speak of, empty where they hold for any.
    """

    purpose: str = ""
    limits: tuple[str, ...] = ()
    about_data: str = ""
    data_digest: str = ""

    def about(self, digest: str) -> CardSettings:
        """What holds where the data of this digest was trained on: all or nothing."""
        return self if self.data_digest in ("", digest) else CardSettings()
