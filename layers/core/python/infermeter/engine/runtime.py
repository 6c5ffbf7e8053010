"""What the service asks of a model runtime."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from infermeter.signature import Signature


class LoadedModel(Protocol):
    """A model in memory, ready to run."""

    @property
    def signature(self) -> Signature:
        """Inputs and outputs as the model itself declares them; no labels."""
        ...

    def run(self, inputs: Mapping[str, NDArray[Any]], outputs: Sequence[str]) -> list[NDArray[Any]]:
        """The named outputs, in that order.

        Raises ModelFailed when the model does, InvalidTensor for values that it cannot take.
        """
        ...


class Runtime(Protocol):
    """Loads models."""

    def load(self, files: Mapping[str, bytes]) -> LoadedModel:
        """A model from its files' contents; ModelUnavailable when it cannot be loaded."""
        ...
