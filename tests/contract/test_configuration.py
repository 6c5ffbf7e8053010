"""R8: the model configuration extension."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from .discovery import Catalogue
    from .server import Server


@pytest.fixture(autouse=True)
def _configuration(server: Server) -> None:
    server.needs("model_configuration")


@pytest.mark.parametrize("suffix", ["", "/versions/{version}"], ids=["bare", "a version"])
def test_r8_the_configuration_agrees_with_the_metadata(
    server: Server, catalogue: Catalogue, suffix: str
) -> None:
    for echo in catalogue.echoes:
        version = echo.model.versions[0] if echo.model.versions else "1"
        answer = server.get(f"{echo.path}{suffix.format(version=version)}/config")
        assert answer.status == 200
        config = answer.json
        assert config["name"] == echo.model.name
        # Dims leave out the batch's size, which metadata shows as a leading -1.
        rows = [-1] if config.get("max_batch_size", 0) > 0 else []
        for side, specs in (("input", echo.model.inputs), ("output", echo.model.outputs)):
            assert [
                (each["name"], each["data_type"], [*rows, *map(int, each["dims"])])
                for each in config[side]
            ] == [
                (spec.name, f"TYPE_{spec.datatype.replace('BYTES', 'STRING')}", list(spec.shape))
                for spec in specs
                # Triton writes a scalar as [1], reshaped.
            ] or any("reshape" in each for each in config[side])


def test_r8_the_maximum_batch_is_a_count(server: Server, catalogue: Catalogue) -> None:
    most = server.get(f"{catalogue.any().path}/config").json.get("max_batch_size", 0)
    assert type(most) is int
    assert most >= 0


def test_r8_an_unknown_model_has_none(server: Server) -> None:
    answer = server.get("/v2/models/no-such-model/config")
    server.refuses(answer, *((404,) if server.ours else (404, 400)), naming="no-such-model")
