"""JSON Schema (2020-12) in few words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

Schema = dict[str, Any]

STRING: Schema = {"type": "string"}
BOOLEAN: Schema = {"type": "boolean"}
COUNT: Schema = {"type": "integer", "minimum": 0}


def ref(name: str, kind: str = "schemas") -> Schema:
    """A reference to one of the document's components."""
    return {"$ref": f"#/components/{kind}/{name}"}


def record(
    required: Mapping[str, Schema], optional: Mapping[str, Schema] | None = None, **more: Any
) -> Schema:
    """An object with these properties, others being let through."""
    schema: Schema = {"type": "object", "properties": {**required, **(optional or {})}}
    if required:
        schema["required"] = list(required)
    return schema | more


def listing(items: Schema, **more: Any) -> Schema:
    """An array of such items."""
    return {"type": "array", "items": items} | more


def any_of(*schemas: Schema) -> Schema:
    """One of these; the schema itself where there is one alone."""
    return schemas[0] if len(schemas) == 1 else {"anyOf": list(schemas)}


def json_content(schema: Schema, **more: Any) -> dict[str, Any]:
    """A body of JSON."""
    return {"application/json": {"schema": schema} | more}
