"""A route as an operation of the document."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from infermeter.openapi.answers import failures, success
from infermeter.openapi.descriptions import DESCRIPTIONS
from infermeter.openapi.notation import ref
from infermeter.openapi.parameters import path_parameters

if TYPE_CHECKING:
    from infermeter.api.routes import Route

KEY_SCHEMES: tuple[dict[str, list[str]], ...] = ({"bearer": []}, {"apiKey": []})


def operation(route: Route) -> dict[str, Any]:
    """The route as an Operation Object; LookupError for an endpoint that is not described."""
    described = DESCRIPTIONS.get(route.endpoint)
    if described is None:
        raise LookupError(f"openapi: expected a description of {route.endpoint}, got none")
    statuses = {429, *described.refusals} | (set() if route.public else {401, 402, 403, 503})
    document: dict[str, Any] = {
        "operationId": _operation_id(route),
        "tags": [described.tag],
        "summary": described.summary,
        "security": _security(route, optional=described.optional_key),
        "parameters": [
            *path_parameters(route),
            *(ref(name, "parameters") for name in described.parameters),
        ],
        "responses": {described.status: described.answer, **failures(statuses, route.family)},
    }
    if "IfNoneMatch" in described.parameters:
        document["responses"]["304"] = success("It is the content that is there already.")
    if described.text:
        document["description"] = described.text
    if described.body:
        document["requestBody"] = described.body
    return document


def _operation_id(route: Route) -> str:
    # One endpoint may have several paths; ids are names for generated code, and unique.
    if "{version}" in route.path:
        return f"{route.endpoint}_of_version"
    return f"{route.endpoint}_slash" if route.path.endswith("/") else route.endpoint


def _security(route: Route, *, optional: bool) -> list[dict[str, list[str]]]:
    if not route.public:
        return list(KEY_SCHEMES)
    return [{}, *KEY_SCHEMES] if optional else []
