"""What a model is for, and the data, losses and metrics that go with it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, get_args, get_type_hints

from training.data.sources import SOURCES
from training.errors import InvalidSetting

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from training.recipe import Recipe

Task = Literal["classification", "regression"]
# The first is the one to show where there is room for one.
METRICS: Mapping[Task, tuple[str, ...]] = {
    "classification": ("accuracy", "loss"),
    "regression": ("r2", "mae", "rmse"),
}
LOWER_IS_BETTER = frozenset({"loss", "mae", "rmse"})
OF_NUMBERS = frozenset({"mse", "mae", "huber"})


def check_task(recipe: Recipe) -> None:
    """Raises InvalidSetting for data, a loss or a gate's metric that is another task's."""
    regression = recipe.task == "regression"
    losses = get_args(get_type_hints(type(recipe.training))["loss"])
    _check(
        recipe,
        "source",
        recipe.data.source,
        (name for name, source in SOURCES.items() if source.schema.numeric == regression),
    )
    _check(
        recipe,
        "loss",
        recipe.training.loss,
        (name for name in losses if (name in OF_NUMBERS) == regression),
    )
    _check(recipe, "metric", recipe.gate.metric, METRICS[recipe.task])


def _check(recipe: Recipe, field: str, value: str, fitting: Iterable[str]) -> None:
    known = tuple(fitting)
    if value not in known:
        raise InvalidSetting(
            field, expected=f"one of {', '.join(known)} for {recipe.task}", got=repr(value)
        )
