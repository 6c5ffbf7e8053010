"""R9: the statistics extension."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from .bodies import request_of

if TYPE_CHECKING:
    from .discovery import Catalogue
    from .server import Server

COUNTERS = ("success", "fail", "queue", "compute_input", "compute_infer", "compute_output")


@pytest.fixture(autouse=True)
def _statistics(server: Server) -> None:
    server.needs("statistics")


def counts(value: Any) -> bool:
    return type(value) is int and value >= 0


def check(entry: dict[str, Any]) -> None:
    """One model version's statistics."""
    assert isinstance(entry["name"], str)
    assert isinstance(entry["version"], str)
    for field in ("last_inference", "inference_count", "execution_count"):
        assert counts(entry[field]), field
    for field in COUNTERS:
        assert counts(entry["inference_stats"][field]["count"]), field
        assert counts(entry["inference_stats"][field]["ns"]), field
    for batch in entry.get("batch_stats", []):
        assert counts(batch["batch_size"])
        assert batch["batch_size"] > 0


def test_r9_a_models_statistics_are_counters(server: Server, catalogue: Catalogue) -> None:
    echo = catalogue.any()
    server.reply(echo.model, request_of(echo.sample()))
    answer = server.get(f"{echo.path}/stats")
    assert answer.status == 200
    entries = answer.json["model_stats"]
    assert entries
    assert {entry["name"] for entry in entries} == {echo.model.name}
    for entry in entries:
        check(entry)


def test_r9_a_versions_statistics_are_that_versions(server: Server, catalogue: Catalogue) -> None:
    echo = catalogue.any()
    if not echo.model.versions:
        server.lacks("metadata lists no versions")
    version = echo.model.versions[0]
    (entry,) = server.get(f"{echo.path}/versions/{version}/stats").json["model_stats"]
    assert (entry["name"], entry["version"]) == (echo.model.name, version)


def test_r9_all_statistics_name_every_model(server: Server, catalogue: Catalogue) -> None:
    answer = server.get("/v2/models/stats")
    assert answer.status == 200
    for entry in answer.json["model_stats"]:
        check(entry)
    assert catalogue.any().model.name in {entry["name"] for entry in answer.json["model_stats"]}


def test_r9_counters_do_not_fall(server: Server, catalogue: Catalogue) -> None:
    echo = catalogue.any()

    def total() -> int:
        entries = server.get(f"{echo.path}/stats").json["model_stats"]
        return sum(entry["inference_count"] for entry in entries)

    before = total()
    server.reply(echo.model, request_of(echo.sample()))
    # They may come late, where many processes serve: no more is demanded of the moment.
    assert total() >= before


def test_r9_an_unknown_model_has_none(server: Server) -> None:
    answer = server.get("/v2/models/no-such-model/stats")
    server.refuses(answer, *((404,) if server.ours else (404, 400)), naming="no-such-model")
