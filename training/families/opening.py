"""The family that a recipe names."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from training.settings.families import FAMILIES

if TYPE_CHECKING:
    from training.families.family import Family
    from training.recipe import Recipe


def open_family(recipe: Recipe) -> Family[Any]:
    """Imported here, so that a job loads what its own family needs and no more."""
    match recipe.family:
        case "decoder":
            from training.families.decoder.family import Decoder

            return Decoder(recipe)
        case "speech":
            from training.families.speech.family import Speech

            return Speech(recipe)
        case "tabular":
            from training.families.tabular.family import Tabular

            return Tabular(recipe)
        case "text":
            from training.families.text.family import Text

            return Text(recipe)
        case "vision":
            from training.families.vision.family import Vision

            return Vision(recipe)
        case _:
            # `load` admits no other.
            raise AssertionError(f"{recipe.family} is not one of {', '.join(FAMILIES)}")
