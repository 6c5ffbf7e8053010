"""A manifest for a model that brings none: what its graph itself says."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from typing import TYPE_CHECKING

from infermeter.engine.stacking import keeps_rows_apart
from infermeter.errors import ModelUnavailable, VerificationFailed
from infermeter.manifest import MODEL_FILE, Manifest, ModelFile, check_model_name

if TYPE_CHECKING:
    from infermeter.engine.runtime import Runtime


def inspect(content: bytes, name: str, runtime: Runtime) -> Manifest:
    """The manifest of a bare ONNX model; it has no gate and no golden answers.

    Rows are counted on axis 0 where every input and output leaves it open and rows do not see
    each other. Raises VerificationFailed for a model that does not load.
    """
    try:
        loaded = runtime.load({MODEL_FILE: content})
    except ModelUnavailable as error:
        raise VerificationFailed(str(error)) from error
    file = ModelFile(MODEL_FILE, len(content), hashlib.sha256(content).hexdigest())
    signature = loaded.signature
    if not keeps_rows_apart(loaded, signature):
        signature = replace(signature, batch_axis=None)
    return Manifest(check_model_name(name), signature, (file,))
