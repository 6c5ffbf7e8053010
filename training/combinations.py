"""Settings that go together: one that nothing would use is refused, never ignored."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import TYPE_CHECKING, Any, NamedTuple

from training.errors import InvalidSetting

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from training.recipe import Recipe
    from training.settings.sections import CompressionSettings, ScaleSettings, TrainingSettings


class Belonging(NamedTuple):
    """`field` counts only for some values of the field `choice`, each with its default here."""

    field: str
    choice: str
    defaults: Mapping[str, Any]


TRAINING = (
    Belonging("huber_delta", "loss", {"huber": 1.0}),
    Belonging("label_smoothing", "loss", {"sparse_categorical_crossentropy": 0.0}),
    Belonging(
        "class_weights",
        "loss",
        {"sparse_categorical_crossentropy": "none", "binary_crossentropy": "none"},
    ),
    Belonging("momentum", "optimizer", {"sgd": 0.9}),
    Belonging("nesterov", "optimizer", {"sgd": False}),
    Belonging("weight_decay", "optimizer", {"adamw": 0.01, "muon": 0.01}),
    Belonging("beta1", "optimizer", {"adam": 0.9, "adamw": 0.9, "muon": 0.9}),
    Belonging("beta2", "optimizer", {"adam": 0.999, "adamw": 0.999, "muon": 0.999}),
    Belonging("step_epochs", "schedule", {"step": 10}),
    Belonging("decay", "schedule", {"step": 0.1, "exponential": 0.95}),
    Belonging("final_fraction", "schedule", {"linear": 0.0, "cosine": 0.0}),
)
COMPRESSION = (
    Belonging("pruned_share", "pruning", {"unstructured": 0.5, "structured": 0.5}),
    Belonging("finetuning_epochs", "pruning", {"unstructured": 5, "structured": 5}),
    Belonging("finetuning_rate", "pruning", {"unstructured": 0.3, "structured": 0.3}),
    Belonging("distillation", "pruning", {"unstructured": 0.0, "structured": 0.0}),
)
NETWORK = (Belonging("initialization_std", "initialization", {"normal": 0.05}),)


def settle(recipe: Recipe, given: Collection[str]) -> Recipe:
    """The recipe with the defaults that depend on its choices, for the fields not `given`.

    Raises InvalidSetting for a given field that its choice does not use, and for settings that
    contradict each other.
    """
    network = _settle(recipe.network, NETWORK, given)
    training = _settle(recipe.training, TRAINING, given)
    compression = _settle(recipe.compression, COMPRESSION, given)
    _check_training(training, recipe.scale)
    _check_compression(compression, recipe.scale)
    if compression.distillation and training.loss == "binary_crossentropy":
        raise InvalidSetting(
            "distillation",
            expected="0 with loss binary_crossentropy, whose answers are no shares of one",
            got=f"{compression.distillation:g}",
        )
    if training.class_weights != "none" and recipe.task == "language_modelling":
        raise InvalidSetting(
            "class_weights",
            expected="none for language_modelling, whose tokens are no classes of rows",
            got=training.class_weights,
        )
    if network.dropout and not getattr(network, "hidden", True):
        raise InvalidSetting(
            "dropout", expected="0 without a hidden layer", got=f"{network.dropout:g}"
        )
    return replace(recipe, network=network, training=training, compression=compression)


def _settle(section: Any, belongings: Collection[Belonging], given: Collection[str]) -> Any:
    unused = {field.name: field.default for field in fields(section)}
    found: dict[str, Any] = {}
    for field, choice, defaults in belongings:
        if field not in unused:
            continue
        chosen, value = getattr(section, choice), getattr(section, field)
        if chosen in defaults and field not in given:
            found[field] = defaults[chosen]
        elif chosen not in defaults and value != unused[field]:
            raise InvalidSetting(
                field,
                expected=f"it with {choice} {' or '.join(defaults)} only, not with {chosen}",
                got=value,
            )
    return replace(section, **found)


def _check_training(training: TrainingSettings, scale: ScaleSettings) -> None:
    if training.optimizer == "muon" and scale.strategy == "fsdp":
        # It needs whole matrices.
        raise InvalidSetting("optimizer", expected="another with strategy fsdp", got="muon")
    if training.optimizer == "gradient_descent" and training.batch_size:
        raise InvalidSetting(
            "batch_size",
            expected="0, all rows at once, with optimizer gradient_descent",
            got=training.batch_size,
        )
    if training.nesterov and not training.momentum:
        raise InvalidSetting("momentum", expected="more than 0 with nesterov", got=0)
    if training.warmup_epochs > training.epochs:
        raise InvalidSetting(
            "warmup_epochs",
            expected=f"at most the {training.epochs} epochs",
            got=f"{training.warmup_epochs:g}",
        )
    if training.min_delta and not training.patience:
        raise InvalidSetting(
            "min_delta", expected="0 without patience", got=f"{training.min_delta:g}"
        )


def _check_compression(compression: CompressionSettings, scale: ScaleSettings) -> None:
    if compression.clusters == 1:
        raise InvalidSetting("clusters", expected="0 for none, or from 2 to 256", got=1)
    if compression.clusters and compression.quantization != "none":
        raise InvalidSetting(
            "clusters",
            expected=f"0 with quantization {compression.quantization}, which finds its own values",
            got=compression.clusters,
        )
    if compression.pruning != "none":
        if not compression.pruned_share:
            raise InvalidSetting("pruned_share", expected="more than 0 with pruning", got=0)
        if compression.finetuning_epochs and not compression.finetuning_rate:
            raise InvalidSetting("finetuning_rate", expected="more than 0 with epochs", got=0)
        if compression.distillation and not compression.finetuning_epochs:
            raise InvalidSetting("finetuning_epochs", expected="more than 0 to distill", got=0)
        if scale.strategy == "fsdp" and compression.pruning == "unstructured":
            raise InvalidSetting(
                "pruning", expected="structured or none with strategy fsdp", got="unstructured"
            )
