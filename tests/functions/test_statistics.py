"""Statistics over real events: what customers read, and what a request costs."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest
import tritonclient.http as triton
from botocore.exceptions import EndpointConnectionError

from infermeter.statistics.buffer import FLUSH_S
from tests.functions.test_batch import message, send, with_data
from tests.models import BIAS
from tests.ports import Clock

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.functions.site import Answer, Site

MINE = "/v2/models/linear/stats"


@dataclass
class Operations:
    """How often each operation of DynamoDB was called on each table."""

    calls: list[tuple[str, str]] = field(default_factory=list)

    def count(self, operation: str, table: str) -> int:
        return self.calls.count((operation, table))

    def watch(self, client: Any) -> None:
        """Notes the client's calls from now on."""
        client.meta.events.register("before-parameter-build.dynamodb", self._note)

    def _note(self, params: dict[str, Any], model: Any, **_: Any) -> None:
        self.calls.append((model.name, params["TableName"]))


@pytest.fixture
def operations(site: Site) -> Operations:
    watched, clients = Operations(), site.handler.__globals__["wiring"].clients
    for client in (clients.dynamodb(), clients.dynamodb(prompt=True)):
        watched.watch(client)
    return watched


@pytest.fixture
def clock(site: Site, monkeypatch: pytest.MonkeyPatch) -> Clock:
    """The buffer's own clock, to be moved."""
    moved = Clock(time.time())
    monkeypatch.setattr(site.handler.__globals__["wiring"].statistics, "_clock", moved)
    return moved


def stats(site: Site, path: str = MINE) -> list[dict[str, Any]]:
    answer = site.ask("GET", path)
    assert answer.status == 200, answer.body
    entries: list[dict[str, Any]] = answer.json["model_stats"]
    return entries


def test_a_call_shows_at_once_in_the_environment_that_answered_it(site: Site) -> None:
    site.ask()
    (entry,) = stats(site)
    assert (entry["name"], entry["version"], entry["approximate"]) == ("linear", "1", True)
    assert (entry["inference_count"], entry["execution_count"]) == (2, 1)
    for part in ("success", "compute_input", "compute_infer", "compute_output"):
        assert entry["inference_stats"][part]["count"] == 1
        assert entry["inference_stats"][part]["ns"] > 0
    assert entry["inference_stats"]["fail"] == {"count": 0, "ns": 0}
    assert [batch["batch_size"] for batch in entry["batch_stats"]] == [2]
    assert abs(entry["last_inference"] / 1000 - time.time()) < 60


def test_environments_add_up(site: Site) -> None:
    site.ask()
    stats(site)
    site.handler = site.cloud.function("infer").handler
    site.ask()
    (entry,) = stats(site)
    assert entry["inference_count"] == 4


def test_what_was_never_called_has_zeros(site: Site) -> None:
    (entry,) = stats(site)
    assert (entry["inference_count"], entry["batch_stats"]) == (0, [])


def test_a_bad_tensor_of_a_known_model_is_a_failure(site: Site) -> None:
    wrong = {"name": "x", "shape": [1, 2], "datatype": "FP32", "data": [1, 2]}
    assert site.ask(body={"inputs": [wrong]}).status == 400
    (entry,) = stats(site)
    assert entry["inference_stats"]["fail"]["count"] == 1
    assert entry["execution_count"] == 0


def test_a_model_shows_all_its_versions_and_the_server_those_in_use(site: Site) -> None:
    second = site.cloud.publish_linear(site.folder / "second", bias=BIAS + 1)
    assert [entry["version"] for entry in stats(site)] == ["1", second]
    everything = stats(site, "/v2/models/stats")
    assert [(entry["name"], entry["version"]) for entry in everything] == [("linear", second)]
    site.ask(path="/v2/models/linear/versions/1/infer")
    assert [entry["version"] for entry in stats(site, "/v2/models/stats")] == ["1", second]


@pytest.mark.parametrize("version", ["1", "prod"])
def test_a_version_shows_itself_by_number_or_alias(site: Site, version: str) -> None:
    site.ask()
    (entry,) = stats(site, f"/v2/models/linear/versions/{version}/stats")
    assert (entry["version"], entry["inference_count"]) == ("1", 2)


@pytest.mark.parametrize("place", ["nobody", "linear/versions/9"])
def test_what_is_not_there_has_no_statistics(site: Site, place: str) -> None:
    answer = site.ask("GET", f"/v2/models/{place}/stats")
    assert answer.status == 404
    assert answer.error


def test_statistics_need_a_key(site: Site) -> None:
    for path in (MINE, "/v2/models/stats"):
        assert site.ask("GET", path, headers={"x-api-key": ""}).status == 401


def test_many_requests_make_one_write_an_interval(
    site: Site, operations: Operations, clock: Clock
) -> None:
    for _ in range(5):
        site.ask()
    assert operations.count("UpdateItem", "statistics") == 0
    clock.now += FLUSH_S
    for _ in range(5):
        site.ask()
    assert operations.count("UpdateItem", "statistics") == 1
    assert operations.count("PutItem", "ledger") == 10
    (entry,) = stats(site)
    assert entry["inference_count"] == 20


def test_a_table_that_is_down_changes_no_answer(
    site: Site, clock: Clock, monkeypatch: pytest.MonkeyPatch, printed: Callable[[], list[str]]
) -> None:
    asked = []

    def refuse(**arguments: Any) -> None:
        asked.append(arguments)
        raise EndpointConnectionError(endpoint_url="statistics")

    client = site.handler.__globals__["wiring"].clients.dynamodb(prompt=True)
    monkeypatch.setattr(client, "update_item", refuse)
    answers: list[Answer] = []
    for _ in range(3):
        answers.append(site.ask())
        clock.now += FLUSH_S
    assert [answer.status for answer in answers] == [200] * 3
    assert len([each for each in asked if each["TableName"] == "statistics"]) == 1
    assert len(site.charges()) == 3
    assert len([line for line in printed() if "request_id" in line]) == 3


def test_stacked_messages_are_one_execution(site: Site) -> None:
    bodies = [message(site.key.id, **with_data([1.0, 2.0, 3.0])) for _ in range(3)]
    assert send(site.cloud.function("batch"), *bodies) == []
    (entry,) = stats(site)
    assert (entry["inference_count"], entry["execution_count"]) == (3, 1)
    assert entry["inference_stats"]["success"]["count"] == 3
    assert [batch["batch_size"] for batch in entry["batch_stats"]] == [3]


def test_tritonclient_reads_them(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    class Response:
        """An answer as the client's transport hands it on."""

        def __init__(self, answer: Answer) -> None:
            self.status_code, self._body = answer.status, answer.body

        def read(self) -> bytes:
            return self._body

    def get(request_uri: str, **_: Any) -> Response:
        return Response(site.ask("GET", f"/{request_uri}"))

    client = triton.InferenceServerClient("site")
    monkeypatch.setattr(client, "_get", get)
    site.ask()
    assert client.get_inference_statistics()["model_stats"][0]["inference_count"] == 2
    mine = client.get_inference_statistics("linear", "prod")
    assert mine["model_stats"][0]["inference_stats"]["success"]["count"] == 1
    with pytest.raises(triton.InferenceServerException, match="unknown model"):
        client.get_inference_statistics("nobody")
