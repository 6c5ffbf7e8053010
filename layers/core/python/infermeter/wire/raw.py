"""Raw binary requests: a body that is one tensor's bytes, its shape taken from the signature.

Source: Triton `extension_binary_data.md`, "Raw Binary Request", and its server's own messages.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from infermeter.errors import InvalidRequest
from infermeter.inference import InferenceRequest
from infermeter.tensors import Tensor
from infermeter.wire.binary import Tail
from infermeter.wire.oip import BINARY_FORM

if TYPE_CHECKING:
    from infermeter.signature import Signature
    from infermeter.wire.oip import OutputForm


def decode_raw(body: bytes, signature: Signature) -> tuple[InferenceRequest, OutputForm]:
    """A raw binary request: the body is the model's only input, and all outputs come back raw.

    One row, unless the model has no batch axis. Raises InvalidRequest where the signature does not
    say what shape the bytes have.
    """
    if len(signature.inputs) != 1:
        raise InvalidRequest(
            "Raw request must only have 1 input (found 1) to be deduced but got "
            f"{len(signature.inputs)} inputs in the model's signature"
        )
    spec, axis = signature.inputs[0], signature.batch_axis
    shape = [1 if place == axis else size for place, size in enumerate(spec.shape)]
    if spec.datatype.kind == "O":
        if any(size not in (1, -1) for size in shape):
            raise InvalidRequest(
                f"For BYTE datatype raw input '{spec.name}', the model must have input shape [1]"
            )
        body = len(body).to_bytes(4, "little") + body
    elif shape.count(-1) > 1:
        raise InvalidRequest(
            f"The shape of the raw input '{spec.name}' can not be deduced because there are more "
            "than one variable-sized dimension"
        )
    fixed = math.prod(size for size in shape if size >= 0)
    open_size = len(body) // max(1, fixed * spec.datatype.itemsize)
    known = tuple(1 if spec.datatype.kind == "O" else open_size if s < 0 else s for s in shape)
    array = Tail(memoryview(body)).take(spec.name, spec.datatype, known, len(body))
    return InferenceRequest((Tensor(spec.name, spec.datatype, array),)), BINARY_FORM
