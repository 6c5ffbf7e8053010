"""The families: which settings and tasks each has."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from training.settings.decoder import DecoderData, DecoderNetworkSettings
from training.settings.speech import SpeechData, SpeechNetworkSettings
from training.settings.tabular import TabularData, TabularNetworkSettings
from training.settings.text import TextData, TextNetworkSettings
from training.settings.vision import VisionData, VisionNetworkSettings

if TYPE_CHECKING:
    from collections.abc import Mapping

    from training.tasks import Task


class FamilySettings(NamedTuple):
    """The types of a family's sections `data` and `network`, and the tasks that it does, each
    with the names of `data.source` that are for it.

    `own` is the setting that says that the data is the caller's: given beside a recipe that lacks
    it, nothing holds of the recipe's sections `data` and `card`, which speak of other data.
    `brought` is the source that a channel alone has; of the others recipes have the data.
    """

    data: type
    network: type
    sources: Mapping[Task, tuple[str, ...]]
    own: str = ""
    brought: str = ""


FAMILIES: Mapping[str, FamilySettings] = {
    "decoder": FamilySettings(
        DecoderData,
        DecoderNetworkSettings,
        {"language_modelling": ("bible",)},
    ),
    "speech": FamilySettings(
        SpeechData,
        SpeechNetworkSettings,
        {"classification": ("clips", "spoken_digits")},
        brought="clips",
    ),
    "tabular": FamilySettings(
        TabularData,
        TabularNetworkSettings,
        {
            "classification": ("breast_cancer", "digits", "table", "wine"),
            "regression": ("diabetes", "table"),
        },
        own="label",
        brought="table",
    ),
    "text": FamilySettings(
        TextData,
        TextNetworkSettings,
        {"classification": ("bible", "texts")},
        brought="texts",
    ),
    "vision": FamilySettings(
        VisionData,
        VisionNetworkSettings,
        {"classification": ("digits", "folders")},
        brought="folders",
    ),
}
