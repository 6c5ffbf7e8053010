"""The model repository extension: the index, and requests to load and unload.

Source: Triton `extension_model_repository.md`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from infermeter.errors import InvalidField, UnsupportedFeature
from infermeter.wire.excerpts import shown
from infermeter.wire.json_body import parse_json

if TYPE_CHECKING:
    from collections.abc import Iterable

    from infermeter.registry.catalog import ModelRecord


def decode_index_request(body: bytes) -> None:
    """`{"ready": true}` asks for the ready ones, which all are. Raises InvalidField."""
    ready = _fields(body).get("ready", False)
    if not isinstance(ready, bool):
        raise InvalidField("Invalid value for 'ready'", expected="a boolean", got=shown(ready))


def decode_load_request(body: bytes) -> None:
    """Raises UnsupportedFeature for a model sent along, or a configuration to load it with.

    Other parameters are none of the protocol's: InvalidField.
    """
    for name in _parameters(body):
        if name == "config" or name.startswith("file:"):
            raise UnsupportedFeature(
                f"failed to load: parameters.{shown(name)}: expected none, as what is published "
                "is loaded as it is; publish a new version instead"
            )
        raise InvalidField("parameters", expected="none", got=shown(name))


def decode_unload_request(body: bytes) -> None:
    """Raises InvalidField for parameters that are none. Models here have no dependents."""
    dependents = _parameters(body).get("unload_dependents", False)
    if not isinstance(dependents, bool):
        raise InvalidField(
            "parameters.unload_dependents", expected="a boolean", got=shown(dependents)
        )


def index(records: Iterable[ModelRecord]) -> list[dict[str, str]]:
    """Every version of every model. Whatever is published can be called: all are ready."""
    return [
        {"name": record.model, "version": version, "state": "READY", "reason": ""}
        for record in records
        for version in record.versions
    ]


def _parameters(body: bytes) -> dict[str, Any]:
    parameters = _fields(body).get("parameters")
    if parameters is not None and not isinstance(parameters, dict):
        raise InvalidField("parameters", expected="an object", got=shown(parameters))
    return parameters or {}


def _fields(body: bytes) -> dict[str, Any]:
    if not body.strip():
        return {}
    document = parse_json(body)
    if not isinstance(document, dict):
        raise InvalidField("request", expected="an object", got=shown(document))
    return document
