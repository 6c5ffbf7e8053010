"""The document of this API, checked as its readers check it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import jsonschema_rs
import orjson
from hypothesis import strategies as st

from infermeter.api.routes import ROUTES
from infermeter.manifest import MODEL_FILE, Manifest, ModelFile
from infermeter.openapi.document import document
from infermeter.signature import Signature, TensorSpec
from tests.strategies import datatypes

if TYPE_CHECKING:
    from collections.abc import Iterator

_FILE = ModelFile(MODEL_FILE, 1, "0" * 64)
_sizes = st.sampled_from([-1, 0, 1, 2, 3])


def written(*manifests: Manifest) -> Any:
    """The document as a client reads it."""
    return json.loads(orjson.dumps(document(ROUTES, manifests)))


def validator(found: Any, schema: dict[str, Any]) -> jsonschema_rs.Draft202012Validator:
    """A validator of a schema that may refer to the document's components."""
    return jsonschema_rs.Draft202012Validator(schema | {"components": found["components"]})


def named(found: Any, name: str) -> jsonschema_rs.Draft202012Validator:
    """A validator of one of the document's schemas."""
    return validator(found, {"$ref": f"#/components/schemas/{name}"})


def references(part: Any) -> Iterator[str]:
    """Each `$ref` in a part of the document."""
    if isinstance(part, dict):
        if isinstance(part.get("$ref"), str):
            yield part["$ref"]
        for each in part.values():
            yield from references(each)
    elif isinstance(part, list):
        for each in part:
            yield from references(each)


@st.composite
def manifests(draw: Any) -> Manifest:
    """A model without golden inputs: one to three tensors each way, any shapes and datatypes."""
    axis = draw(st.sampled_from([0, None]))
    inputs, outputs = (
        tuple(
            TensorSpec(f"{side}{index}", datatype, (-1, *shape) if axis == 0 else tuple(shape))
            for index, (datatype, shape) in enumerate(
                draw(
                    st.lists(
                        st.tuples(datatypes, st.lists(_sizes, max_size=3)), min_size=1, max_size=3
                    )
                )
            )
        )
        for side in ("in", "out")
    )
    return Manifest("any", Signature(inputs, outputs, axis), (_FILE,))
