"""Every error of the trainer, in one tree; `str(error)` is a message for whoever started it.

TrainingError
├── InvalidRecipe               the recipe, or a setting given beside it
│   ├── UnknownRecipe
│   ├── UnknownSetting
│   └── InvalidSetting              field, expected, got
├── InvalidJob                  a file of the job's configuration folder
├── InvalidData                 the table, with its file and line
├── InvalidCheckpoint           one that this job cannot go on from
├── Diverged                    the loss is not a number any more
├── ExportFailed                the ONNX file is not the network
├── CompressionFailed           the network, or its file, has nothing of what is to be made smaller
├── MissingPackage              something to install first
├── MissingSystemPackage        the same, but not Python's
├── OutputRefused               the folder for the result cannot be written
├── ProcessFailed               the training process ended with an error; its own message
└── Interrupted                 told to stop; a checkpoint was left
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path


class TrainingError(Exception):
    """Base of the tree."""


class InvalidRecipe(TrainingError):
    """The recipe, or a setting given beside it, cannot be used."""


class UnknownRecipe(InvalidRecipe):
    """No recipe has this name."""

    def __init__(self, name: str, known: Iterable[str]) -> None:
        super().__init__(
            f"recipe: expected one of {', '.join(known)}, or the path of a .toml file, got {name!r}"
        )


class UnknownSetting(InvalidRecipe):
    """No setting has this name."""

    def __init__(self, field: str, known: Iterable[str]) -> None:
        super().__init__(f"recipe field '{field}': expected one of {', '.join(known)}")


class InvalidSetting(InvalidRecipe):
    """A setting of another type, or out of its range."""

    def __init__(self, field: str, *, expected: str, got: object) -> None:
        super().__init__(f"recipe field '{field}': expected {expected}, got {got}")


class InvalidJob(TrainingError):
    """A file of the job's configuration folder is missing or wrong."""

    def __init__(self, file: Path, *, expected: str, got: str) -> None:
        super().__init__(f"{file.name}: expected {expected}, got {got}")


class InvalidData(TrainingError):
    """The table is not what the recipe trains on; `where` names file, line and column."""

    def __init__(self, where: str, *, expected: str, got: str) -> None:
        super().__init__(f"{where}: expected {expected}, got {got}")


class InvalidCheckpoint(TrainingError):
    """A checkpoint is there, and this job cannot go on from it."""

    def __init__(self, folder: Path, *, got: str) -> None:
        super().__init__(
            f"checkpoint: expected one of this recipe, settings and data, got {got}; "
            f"empty the checkpoint folder to train from the start: {folder}"
        )


class Diverged(TrainingError):
    """The loss is not a finite number any more."""

    def __init__(self, epoch: int, loss: float) -> None:
        super().__init__(
            f"epoch {epoch}: expected a finite training loss, got {loss}; lower learning_rate"
        )


class ExportFailed(TrainingError):
    """The exported file does not compute what the network computes, or not for every batch."""


class CompressionFailed(TrainingError):
    """The network, or its file, has nothing of what the recipe wants smaller."""


class MissingPackage(TrainingError):
    """A package that training needs is not installed."""

    def __init__(self, package: str, install: str = "'infermeter[training]'") -> None:
        super().__init__(
            f"training needs the package '{package}', which is not installed: pip install {install}"
        )


class MissingSystemPackage(TrainingError):
    """A package of the operating system that a recipe's data comes from is not installed."""

    def __init__(self, package: str) -> None:
        super().__init__(
            f"the recipe's data needs the system package '{package}', which is not installed: "
            "make setup-training"
        )


class OutputRefused(TrainingError):
    """The folder for the result cannot be written."""

    def __init__(self, folder: Path, reason: str) -> None:
        super().__init__(f"output: expected a folder that can be written, got '{folder}': {reason}")


class ProcessFailed(TrainingError):
    """The training process ended with an error."""


class Interrupted(TrainingError):
    """Told to stop by SIGTERM; a checkpoint was left to go on from."""

    def __init__(self, step: int) -> None:
        super().__init__(f"stopped by SIGTERM after step {step}; a checkpoint was left")
