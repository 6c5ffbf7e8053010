"""M1-M5, R7: what a server and a model say of themselves."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .datatypes import DATATYPES

if TYPE_CHECKING:
    from .discovery import Catalogue
    from .server import Server


def test_m1_server_metadata_has_name_version_and_extensions(server: Server) -> None:
    answer = server.get("/v2")
    assert answer.status == 200
    assert (answer.header("Content-Type") or "").startswith("application/json")
    assert all(isinstance(answer.json[field], str) for field in ("name", "version"))
    assert isinstance(answer.json["extensions"], list)
    assert all(isinstance(extension, str) for extension in answer.json["extensions"])


def test_m1_a_slash_after_v2_changes_nothing(server: Server) -> None:
    bare, slashed = server.get("/v2"), server.get("/v2/")
    assert (slashed.status, slashed.json) == (200, bare.json)


def test_m1_ours_lists_what_it_has(server: Server) -> None:
    server.differs("which extensions a server has is its own affair")
    assert set(server.metadata["extensions"]) >= {
        "binary_tensor_data",
        "classification",
        "model_configuration",
        "model_repository",
        "parameters",
        "statistics",
    }
    # Advertised once it lands.
    assert "generate" not in server.metadata["extensions"]


def test_m2_the_server_is_live(server: Server) -> None:
    answer = server.get("/v2/health/live")
    assert answer.status == 200
    # Triton and MLServer answer an empty body.
    assert not answer.body or answer.json["live"] is True


def test_m3_the_server_is_ready(server: Server) -> None:
    answer = server.get("/v2/health/ready")
    assert answer.status == 200
    # kserve's client reads `ready`; its server writes both of these in different versions.
    assert not answer.body or {"ready", "live"} & answer.json.keys()


def test_m3_ours_says_ready_and_live(server: Server) -> None:
    server.differs("Triton and MLServer answer an empty body")
    assert server.get("/v2/health/live").json == {"live": True}
    assert server.get("/v2/health/ready").json == {"ready": True, "live": True}


def test_m4_model_metadata_names_inputs_and_outputs(server: Server, catalogue: Catalogue) -> None:
    path = catalogue.any().path
    answer = server.get(path)
    assert answer.status == 200
    document = answer.json
    assert path.endswith(document["name"])
    assert isinstance(document["platform"], str)
    assert document["platform"]
    assert all(isinstance(version, str) for version in document.get("versions", []))
    for spec in (*document["inputs"], *document["outputs"]):
        assert spec["name"]
        assert isinstance(spec["name"], str)
        assert spec["datatype"] in DATATYPES
        assert all(type(size) is int and size >= -1 for size in spec["shape"])


def test_m4_properties_are_strings(server: Server, catalogue: Catalogue) -> None:
    properties = server.get(catalogue.any().path).json.get("properties", {})
    assert all(isinstance(value, str) for value in properties.values())


def test_m5_a_model_that_can_be_called_is_ready(server: Server, catalogue: Catalogue) -> None:
    echo = catalogue.any()
    answer = server.get(f"{echo.path}/ready")
    assert answer.status == 200
    # Triton and MLServer answer an empty body.
    assert not answer.body or answer.json == {"name": echo.model.name, "ready": True}


def test_r7_the_list_names_every_model(server: Server, catalogue: Catalogue) -> None:
    answer = server.get("/v2/models")
    # KServe's own; neither OIP nor Triton has it.
    if answer.status != 200:
        server.differs("GET /v2/models is KServe's own extra")
    assert answer.status == 200
    assert catalogue.any().model.name in answer.json["models"]
    assert len(set(answer.json["models"])) == len(answer.json["models"])
