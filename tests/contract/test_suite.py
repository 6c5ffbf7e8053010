"""Z1: the suite itself. A server without faults passes, and each planted fault is caught."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from . import (
    sham,
    test_compression,
    test_datatypes,
    test_embeddings,
    test_encodings,
    test_ids,
    test_metadata,
    test_nonfinite,
    test_validation,
    test_versions,
)
from .discovery import Catalogue
from .identifiers import IDS, id_of
from .server import Server
from .sham_embeddings import ShamEmbeddings
from .transport import UrlTransport

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

FOLDER = Path(__file__).parent

BINARY = {"datatype": "FP32", "form": "binary", "back": "binary"}
JSON = {"datatype": "FP32", "form": "flat", "back": "json"}
UNKNOWN = {"method": "GET", "suffix": ""}
NAN = {"datatype": "FP32"}
ECHOED = {"id": "42", "form": "flat", "utf8": False}
TOO_FEW = {"changes": {"data": [1.0, 2.0, 3.0]}}
OWN_FIRST = {"overall": True, "own": False, "binary": False}

round_trip = test_datatypes.test_i1_a_tensor_comes_back_bit_for_bit
unknown_model = test_versions.test_m6_an_unknown_model_is_said_to_be_unknown
wrong_field = test_validation.test_i5_a_wrong_field_is_refused_and_its_input_named
strict_json = test_nonfinite.test_i7_an_answer_is_strict_json_and_loses_nothing

FAULTS: list[tuple[str, Callable[..., None], dict[str, Any]]] = [
    ("no model_name", test_versions.test_m7_the_answer_names_model_and_version, {}),
    ("no id", test_ids.test_i3_the_id_is_echoed, ECHOED),
    ("an invented id", test_ids.test_i3_without_an_id_none_is_echoed, {"fields": {}}),
    ("big-endian", round_trip, BINARY | {"back": "json"}),
    ("big-endian answers", round_trip, BINARY | {"form": "flat"}),
    ("six digits", round_trip, JSON),
    ("a bare NaN", strict_json, NAN),
    ("null for NaN", strict_json, NAN),
    (
        "a length in characters",
        test_ids.test_i3_the_json_part_of_an_answer_is_measured_in_bytes,
        {},
    ),
    (
        "the request's wish first",
        test_encodings.test_i2_an_outputs_own_wish_goes_before_the_requests,
        OWN_FIRST,
    ),
    ("a charset", unknown_model, UNKNOWN),
    ("nested errors", unknown_model, UNKNOWN),
    ("it falls", unknown_model, UNKNOWN),
    ("500 for 400", wrong_field, TOO_FEW),
    ("any count", wrong_field, TOO_FEW),
    ("an input without a name", wrong_field, TOO_FEW),
    (
        "unasked gzip",
        test_compression.test_b3_without_accept_encoding_nothing_is_compressed,
        {},
    ),
]

EMBEDDING_FAULTS: list[tuple[str, Callable[..., None], dict[str, Any]]] = [
    ("another order", test_embeddings.test_e3_a_batch_gives_each_text_its_own_vector, {}),
    ("tokens of the first", test_embeddings.test_e3_a_batch_counts_the_tokens_of_all, {}),
    (
        "big-endian base64",
        test_embeddings.test_e4_base64_holds_the_same_floats,
        {"input": test_embeddings.TEXTS},
    ),
    (
        "the other protocol's errors",
        test_embeddings.test_e6_an_unknown_model_is_not_found,
        {},
    ),
]


@contextmanager
def asked(url: str) -> Iterator[Server]:
    """The server at a URL; a check that would be skipped there fails."""
    transport = UrlTransport(url)
    try:
        yield Server(transport)
    except pytest.skip.Exception as reason:
        pytest.fail(f"skipped: {reason}")
    finally:
        transport.close()


def run(check: Callable[..., None], server: Server, arguments: dict[str, Any]) -> None:
    """A check as pytest would call it."""
    fixtures = {"server": server, "catalogue": Catalogue(server)}
    wanted = check.__code__.co_varnames[: check.__code__.co_argcount]
    check(**{name: value for name, value in fixtures.items() if name in wanted}, **arguments)


def assert_caught(
    kind: type[sham.Sham], fault: str, check: Callable[..., None], arguments: dict[str, Any]
) -> None:
    """The check passes on a server of this kind, and fails on one with the fault."""
    with sham.serving(kind=kind) as url, asked(url) as server:
        run(check, server, arguments)
    with sham.serving(fault, kind) as url, asked(url) as server, pytest.raises(AssertionError):
        run(check, server, arguments)


@pytest.mark.parametrize(("fault", "check", "arguments"), FAULTS, ids=[case[0] for case in FAULTS])
def test_z1_a_planted_fault_is_caught(
    fault: str, check: Callable[..., None], arguments: dict[str, Any]
) -> None:
    assert_caught(sham.Sham, fault, check, arguments)


@pytest.mark.parametrize(
    ("fault", "check", "arguments"), EMBEDDING_FAULTS, ids=[case[0] for case in EMBEDDING_FAULTS]
)
def test_z1_a_fault_planted_in_embeddings_is_caught(
    fault: str, check: Callable[..., None], arguments: dict[str, Any]
) -> None:
    assert_caught(ShamEmbeddings, fault, check, arguments)


def test_z1_a_model_that_does_otherwise_is_no_echo() -> None:
    with sham.serving("six digits") as url, asked(url) as server:
        # Its binary answers are right, and what it does wrong is for a check to say.
        assert len(Catalogue(server).echoes) == 1
        test_metadata.test_m4_model_metadata_names_inputs_and_outputs(server, Catalogue(server))


def test_z1_every_id_has_a_check() -> None:
    names = [
        name
        for file in FOLDER.glob("test_*.py")
        for name in re.findall(r"^def (test_\w+)", file.read_text(), re.MULTILINE)
    ]
    assert {id_of(name) for name in names} == set(IDS)


NOT_A_STRANGERS = """
import sys

NAMES = {"boto3", "botocore", "moto", "infermeter", "onnx", "onnxruntime", "orjson", "tests"}


class Refusal:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in NAMES:
            raise ImportError(f"a stranger has no {name}")


sys.meta_path.insert(0, Refusal())
"""


def as_a_stranger(place: Path, url: str, ids: str) -> subprocess.CompletedProcess[str]:
    """Runs a copy of this folder, under another name, without what a stranger lacks."""
    shutil.copytree(FOLDER, place / "oip", ignore=shutil.ignore_patterns("__pycache__"))
    (place / "stranger.py").write_text(NOT_A_STRANGERS)
    command = [sys.executable, "-m", "pytest", "-p", "stranger", "-q", "oip", "-m", ids]
    return subprocess.run(
        [*command, "--strict-markers", "--base-url", url],
        cwd=place,
        env=os.environ | {"PYTHONPATH": str(place), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


def test_z1_a_stranger_needs_this_folder_alone(tmp_path: Path) -> None:
    with sham.serving() as url:
        done = as_a_stranger(tmp_path, url, "M1 or M2 or M3 or I3 or L1")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "passed" in done.stdout


def test_z1_a_stranger_reads_the_id_of_what_failed(tmp_path: Path) -> None:
    with sham.serving("no id") as url:
        done = as_a_stranger(tmp_path, url, "I3")
    assert done.returncode == 1, done.stdout + done.stderr
    assert "test_i3_the_id_is_echoed" in done.stdout
