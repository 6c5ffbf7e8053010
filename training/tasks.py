"""What a model is for, and the data, losses and metrics that go with it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from training.errors import InvalidSetting
from training.settings.families import FAMILIES

if TYPE_CHECKING:
    from collections.abc import Mapping

    from training.recipe import Recipe

Task = Literal["classification", "regression", "language_modelling"]
# The first is the one to show where there is room for one.
METRICS: Mapping[Task, tuple[str, ...]] = {
    "classification": ("accuracy", "loss"),
    "regression": ("r2", "mae", "rmse"),
    "language_modelling": ("nats_per_token", "nats_per_character"),
}
LOWER_IS_BETTER = frozenset({"loss", "mae", "rmse", "nats_per_token", "nats_per_character"})
LOSSES: Mapping[Task, tuple[str, ...]] = {
    "classification": ("sparse_categorical_crossentropy", "binary_crossentropy"),
    "regression": ("mse", "mae", "huber"),
    "language_modelling": ("sparse_categorical_crossentropy",),
}


def check_task(recipe: Recipe) -> None:
    """Raises InvalidSetting for a task that is not the family's, and for data, a loss or a gate's
    metric that is another task's."""
    sources = FAMILIES[recipe.family].sources
    if recipe.task not in sources:
        known = ", ".join(sources)
        raise InvalidSetting(
            "task", expected=f"one of {known} for family {recipe.family}", got=repr(recipe.task)
        )
    _check(recipe, "source", recipe.data.source, sources[recipe.task])
    _check(recipe, "loss", recipe.training.loss, LOSSES[recipe.task])
    _check(recipe, "metric", recipe.gate.metric, METRICS[recipe.task])


def _check(recipe: Recipe, field: str, value: str, known: tuple[str, ...]) -> None:
    if value not in known:
        raise InvalidSetting(
            field, expected=f"one of {', '.join(known)} for {recipe.task}", got=repr(value)
        )
