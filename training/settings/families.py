"""The families: which settings and tasks each has."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from training.settings.tabular import TabularData, TabularNetworkSettings
from training.settings.vision import VisionData, VisionNetworkSettings

if TYPE_CHECKING:
    from collections.abc import Mapping

    from training.tasks import Task


class FamilySettings(NamedTuple):
    """The types of a family's sections `data` and `network`, and the tasks that it does, each
    with the names of `data.source` that are for it."""

    data: type
    network: type
    sources: Mapping[Task, tuple[str, ...]]


FAMILIES: Mapping[str, FamilySettings] = {
    "tabular": FamilySettings(
        TabularData,
        TabularNetworkSettings,
        {"classification": ("digits",), "regression": ("diabetes",)},
    ),
    "vision": FamilySettings(
        VisionData,
        VisionNetworkSettings,
        {"classification": ("digits", "folders")},
    ),
}
