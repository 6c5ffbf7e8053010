"""The compiled layer, alone: no other package is on the path of the interpreter that loads it."""

from __future__ import annotations

import base64
import json
import marshal
import platform
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import onnx.parser
import onnxruntime
import pytest

from layers.onnxruntime.build import LayerError, build, strip

ROOT = Path(__file__).parents[2]
PYTHON = f"{sys.version_info.major}.{sys.version_info.minor}"
MACHINE = {"aarch64": "arm64"}.get(platform.machine(), "x86_64")

MODELS = {
    "mlp": """
        <ir_version: 9, opset_import: ["" : 20]>
        mlp (float[n, 10] x, float[10, 64] w1, float[64, 10] w2) => (float[n, 10] y) {
            h = MatMul (x, w1)  r = Relu (h)  l = MatMul (r, w2)  y = Softmax (l)
        }""",
    "conv": """
        <ir_version: 9, opset_import: ["" : 20]>
        conv (float[n, 3, 16, 16] x, float[8, 3, 3, 3] w) => (float[n, 8, 1, 1] y) {
            c = Conv <pads = [1, 1, 1, 1]> (x, w)
            r = Relu (c)  p = MaxPool <kernel_shape = [2, 2]> (r)  y = GlobalAveragePool (p)
        }""",
    "encoder": """
        <ir_version: 9, opset_import: ["" : 20]>
        encoder (float[n, 8, 16] x, float[16] g) => (float[n, 8, 16] y) {
            k = Transpose <perm = [0, 2, 1]> (x)
            s = MatMul (x, k)  a = Softmax (s)  v = MatMul (a, x)  f = Gelu (v)
            z = Add (x, f)  y = LayerNormalization (z, g)
        }""",
}

RUN = """
import json, sys
sys.path.insert(0, sys.argv[1])
import numpy as np
import onnxruntime
session = onnxruntime.InferenceSession(sys.argv[2], providers=["CPUExecutionProvider"])
answer = session.run(None, dict(np.load(sys.argv[3])))[0]
print(json.dumps([onnxruntime.__file__, answer.tolist()]))
"""

# Not importable from the whole packages either: a build script, what only builds extensions (gone
# from numpy where Python is newer than 3.11), and a shared library that is no module.
NEVER_IMPORTABLE = (
    "numpy._core.cversions:",
    "numpy.distutils.",
    "onnxruntime.capi.libonnxruntime_providers_shared:",
)

IMPORT_EVERYTHING = """
import importlib, json, pkgutil, sys, warnings
sys.path.insert(0, sys.argv[1])
warnings.simplefilter("ignore")
failed = []
for module in pkgutil.walk_packages([sys.argv[1]], onerror=lambda name: None):
    try:
        importlib.import_module(module.name)
    except Exception as error:
        failed.append(f"{module.name}: {error}")
print(json.dumps(failed))
"""

USE = """
import sys
sys.path.insert(0, sys.argv[1])
import numpy as np
import orjson
from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.batch import BatchProcessor, EventType
from aws_lambda_powertools.utilities.data_classes import APIGatewayProxyEvent, SQSEvent
from numpy.typing import NDArray
assert np.allclose(np.linalg.inv(np.eye(3) * 2), np.eye(3) / 2)
assert np.linalg.svd(np.random.default_rng(0).random((40, 40)))[1].shape == (40,)
assert orjson.dumps(np.ones(2), option=orjson.OPT_SERIALIZE_NUMPY) == b"[1.0,1.0]"
print("null")
"""

# A module that only pure Python stands in for would be many times slower than what it is here for.
BASE64 = """
import json, sys
sys.path.insert(0, sys.argv[1])
import pybase64
encoded = pybase64.b64encode_as_string(bytes(range(256)))
print(json.dumps([pybase64.__file__, "C extension active" in pybase64.get_version(), encoded]))
"""

BLAKE3 = """
import json, sys
sys.path.insert(0, sys.argv[1])
import blake3
print(json.dumps([blake3.__file__, blake3.blake3(b"").hexdigest()]))
"""

TOKENIZE = """
import json, sys
sys.path.insert(0, sys.argv[1])
import tokenizers
tokenizer = tokenizers.Tokenizer.from_str(open(sys.argv[2]).read())
encodings = tokenizer.encode_batch(["hello world", "World"])
print(json.dumps([tokenizers.__file__, [each.ids for each in encodings]]))
"""

TOKENIZER = {
    "version": "1.0",
    "truncation": None,
    "padding": None,
    "added_tokens": [],
    "normalizer": {"type": "Lowercase"},
    "pre_tokenizer": {"type": "Whitespace"},
    "post_processor": None,
    "decoder": None,
    "model": {
        "type": "WordLevel",
        "vocab": {"[UNK]": 0, "hello": 1, "world": 2},
        "unk_token": "[UNK]",
    },
}


@pytest.fixture(scope="session")
def layer() -> Path:
    return build(python=PYTHON, architecture=MACHINE, root=ROOT)


LICENSED = (
    "aws_lambda_powertools",
    "blake3",
    "jmespath",
    "numpy",
    "onnxruntime",
    "orjson",
    "pybase64",
    "tokenizers",
)


def alone(program: str, *arguments: Path) -> object:
    """What a program prints as JSON in an interpreter without site-packages."""
    command = [sys.executable, "-I", "-S", "-B", "-c", program, *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def inputs_of(model: onnx.ModelProto) -> dict[str, np.ndarray]:
    random = np.random.default_rng(7)
    shapes = {
        each.name: [axis.dim_value or 5 for axis in each.type.tensor_type.shape.dim]
        for each in model.graph.input
    }
    return {name: random.normal(size=shape).astype("float32") for name, shape in shapes.items()}


@pytest.mark.parametrize("name", MODELS)
def test_models_answer_as_with_the_whole_packages(layer: Path, tmp_path: Path, name: str) -> None:
    model = onnx.parser.parse_model(MODELS[name])
    inputs = inputs_of(model)
    onnx.save(model, tmp_path / "model.onnx")
    np.savez(tmp_path / "inputs.npz", **inputs)

    place, answer = alone(RUN, layer / "python", tmp_path / "model.onnx", tmp_path / "inputs.npz")

    whole = onnxruntime.InferenceSession(tmp_path / "model.onnx").run(None, inputs)[0]
    assert Path(place).is_relative_to(layer)
    np.testing.assert_allclose(answer, whole, rtol=1e-5, atol=1e-6)


def test_everything_in_the_layer_can_be_imported(layer: Path) -> None:
    failed = alone(IMPORT_EVERYTHING, layer / "python")
    assert isinstance(failed, list)
    assert [each for each in failed if not each.startswith(NEVER_IMPORTABLE)] == []


def test_what_the_functions_use_works(layer: Path) -> None:
    assert alone(USE, layer / "python") is None


def test_base64_is_the_compiled_one(layer: Path) -> None:
    place, compiled, encoded = alone(BASE64, layer / "python")
    assert Path(place).is_relative_to(layer)
    assert compiled is True
    assert base64.b64decode(encoded) == bytes(range(256))


def test_blake3_gives_its_test_vector(layer: Path) -> None:
    place, digest = alone(BLAKE3, layer / "python")
    assert Path(place).is_relative_to(layer)
    assert digest == "af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262"


def test_a_tokenizers_file_is_read_without_the_hub(layer: Path, tmp_path: Path) -> None:
    (tmp_path / "tokenizer.json").write_text(json.dumps(TOKENIZER))
    place, ids = alone(TOKENIZE, layer / "python", tmp_path / "tokenizer.json")
    assert Path(place).is_relative_to(layer)
    assert ids == [[1, 2], [2]]
    assert not list(layer.glob("python/huggingface_hub*"))


def test_bytecode_is_never_checked_against_its_source(layer: Path) -> None:
    compiled = sorted(layer.rglob("*.pyc"))
    flags = {int.from_bytes(path.read_bytes()[4:8], "little") for path in compiled}
    assert flags == {0b01}  # PEP 552: by hash, not to be checked
    assert len(compiled) == len(list(layer.rglob("*.py")))


def test_bytecode_names_its_source_as_lambda_has_it(layer: Path) -> None:
    (path,) = layer.glob(f"python/numpy/__pycache__/version.{sys.implementation.cache_tag}.pyc")
    code = marshal.loads(path.read_bytes()[16:])  # noqa: S302 - we compiled it
    assert code.co_filename == "/opt/python/numpy/version.py"


def test_two_builds_are_identical_to_the_byte(layer: Path, tmp_path: Path) -> None:
    again = build(python=PYTHON, architecture=MACHINE, root=tmp_path)
    first, second = (
        {path.relative_to(folder): path for path in folder.rglob("*") if path.is_file()}
        for folder in (layer, again)
    )
    assert first.keys() == second.keys()
    assert [name for name in first if first[name].read_bytes() != second[name].read_bytes()] == []


def test_the_layer_is_small(layer: Path) -> None:
    size = sum(path.stat().st_size for path in layer.rglob("*") if path.is_file())
    assert size < 105e6


def test_licences_are_kept(layer: Path) -> None:
    assert (layer / "python/onnxruntime/ThirdPartyNotices.txt").is_file()
    for name in LICENSED:
        assert list(layer.glob(f"python/{name}-*.dist-info/METADATA"))


def test_a_stale_removal_stops_the_build(tmp_path: Path) -> None:
    with pytest.raises(LayerError, match=r"nothing to remove for .*numpy/f2py"):
        strip(tmp_path)


@pytest.mark.parametrize("file", ["layers/onnxruntime", "training"])
def test_pins_are_those_of_the_project(file: str) -> None:
    def pins(path: Path) -> set[str]:
        lines = path.read_text().lower().splitlines()
        found = [re.fullmatch(r"([a-z0-9._-]+)==(\S+)", line.strip()) for line in lines]
        return {f"{each[1].replace('_', '-')}=={each[2]}" for each in found if each}

    ours = pins(ROOT / file / "requirements.txt")
    assert ours
    assert ours <= pins(ROOT / "constraints.txt")
