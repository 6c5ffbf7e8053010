"""The requests that are measured: a model, its rows, and the form in which they travel."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import orjson

from tests.bench.models import INPUT, manifest, mean, mlp
from tests.models import write_artifact

ROW, IMAGE = (784,), (3, 224, 224)


@dataclass(frozen=True)
class Model:
    """A model by the shapes of a row."""

    name: str
    content: bytes
    given: tuple[int, ...]
    out: tuple[int, ...]

    def write(self, folder):
        """The artefact, as `publish` takes it."""
        kept = manifest(self.name, self.content, self.given, self.out)
        return write_artifact(folder / self.name, self.content, kept)


MLP = Model("mlp", mlp(), (10,), (10,))
ROWS = Model("rows", mean(ROW), ROW, (1,))
IMAGES = Model("images", mean(IMAGE), IMAGE, IMAGE[:1])
MODELS = (MLP, ROWS, IMAGES)


@dataclass(frozen=True)
class Case:
    """One kind of request. `target_us` is performance.md's; `calls` make one block.

    Numbers in JSON have the shortest digits that give the FP32 value back. `in_base64` is how the
    gateway hands a body over once it may be binary, JSON included.
    """

    name: str
    model: Model
    rows: int
    binary: bool
    calls: int
    in_base64: bool = True
    target_us: float | None = None

    @property
    def array(self):
        """The rows: FP32, normally distributed."""
        return np.random.default_rng(1).standard_normal((self.rows, *self.model.given), np.float32)

    def body(self) -> tuple[bytes, dict[str, str]]:
        """The request in the Open Inference Protocol, and the headers that it calls for."""
        array = self.array
        tensor = {"name": INPUT, "datatype": "FP32", "shape": array.shape}
        if not self.binary:
            document = {"inputs": [tensor | {"data": array.reshape(-1)}]}
            return orjson.dumps(document, option=orjson.OPT_SERIALIZE_NUMPY), {}
        tensor["parameters"] = {"binary_data_size": array.nbytes}
        head = orjson.dumps({"inputs": [tensor], "parameters": {"binary_data_output": True}})
        headers = {
            "Content-Type": "application/octet-stream",
            "Inference-Header-Content-Length": str(len(head)),
        }
        return head + array.tobytes(), headers


CASES = (
    Case("1x10 JSON", MLP, 1, binary=False, calls=100, target_us=15),
    Case("1x10 JSON, not in base64", MLP, 1, binary=False, calls=100, in_base64=False),
    Case("64x784 binary", ROWS, 64, binary=True, calls=20),
    Case("1x3x224x224 binary", IMAGES, 1, binary=True, calls=10, target_us=100),
    Case("1x3x224x224 JSON", IMAGES, 1, binary=False, calls=3, target_us=12_000),
)
