"""Queued requests over memory: each message fails alone, and none is lost."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from infermeter.batch import DEAD, FAILED, RETRY, SUCCEEDED, BatchConsumer, Message, Outcome
from infermeter.errors import BudgetLeased, BudgetSpent, LedgerUnavailable, StoreUnavailable
from infermeter.metering.ids import derive_id
from tests.ports import NOW, MemoryDeadLetters, MemoryLedger, MemoryResults, World
from tests.strategies import json_values

if TYPE_CHECKING:
    from infermeter.errors import InfermeterError
    from infermeter.limits.limiter import Permit

ROW = {"name": "x", "shape": [1, 2], "datatype": "FP32", "data": [1, 2]}


class Queue:
    """A consumer over memory, with a key and version 1 of the scaling model, `y = 2 x`."""

    def __init__(self) -> None:
        self.ledger, self.results = MemoryLedger(), MemoryResults()
        self.dead_letters = MemoryDeadLetters()
        self.world = World(self.ledger)
        self.key = self.world.make_key()
        self.world.publish(2.0)
        self.consumer = BatchConsumer(
            service=self.world.service,
            results=self.results,
            dead_letters=self.dead_letters,
            clock=self.world.clock,
            uploads=self.world.uploads,
        )

    def put(self, name: str, content: bytes, tenant: str = "acme") -> str:
        """What a producer uploads; its URI."""
        self.world.inputs.contents[f"{tenant}/{name}"] = content
        return f"s3://inputs/{tenant}/{name}"

    def message(self, number: int = 1, row: dict[str, Any] = ROW, **changes: Any) -> Message:
        envelope = {
            "specversion": "1.0",
            "key_id": self.key.id,
            "model": "scaling",
            "request": {"inputs": [row]},
        }
        body = orjson.dumps(envelope | changes).decode()
        return Message(f"m-{number}", body, int(NOW * 1000))

    def consume(self, *messages: Message, deadline: float = NOW + 25) -> dict[str, Outcome]:
        outcomes = self.consumer.consume(messages, deadline=deadline)
        assert sorted(each.message.id for each in outcomes) == sorted(m.id for m in messages)
        return {outcome.message.id: outcome for outcome in outcomes}

    def fate(self, message: Message, **more: Any) -> str:
        return self.consume(message, **more)[message.id].fate

    def charged(self) -> list[tuple[str, str]]:
        return [(e.tenant, e.request_id.text) for e in self.ledger.entries.values()]

    def documents(self) -> list[dict[str, Any]]:
        return [orjson.loads(stored.document) for stored in self.results.stored.values()]


@pytest.fixture
def queue() -> Queue:
    return Queue()


def test_a_message_is_answered_and_charged(queue: Queue) -> None:
    assert queue.fate(queue.message()) == SUCCEEDED
    (document,) = queue.documents()
    request_id = derive_id(int(NOW * 1000), "m-1").text
    assert (document["id"], document["status"]) == (request_id, "succeeded")
    assert document["response"]["outputs"][0]["data"] == [2, 4]
    assert queue.charged() == [("acme", request_id)]


def test_bytes_in_are_counted_in_bytes(queue: Queue) -> None:
    message = queue.message(request={"inputs": [ROW], "id": "żółw"})
    queue.consume(message)
    (entry,) = queue.ledger.entries.values()
    assert entry.bytes_in == len(message.body.encode())


def test_a_messages_own_id_is_the_request_id(queue: Queue) -> None:
    queue.consume(queue.message(id="order-17"))
    assert queue.charged() == [("acme", "order-17")]


def test_a_failure_then_a_right_payload_under_the_same_id_is_answered(queue: Queue) -> None:
    queue.fate(queue.message(1, ROW | {"datatype": "FP64"}, id="order-17"))
    assert not queue.ledger.entries
    assert queue.fate(queue.message(2, id="order-17")) == SUCCEEDED
    (document,) = queue.documents()
    assert document["status"] == "succeeded"


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"model": "nobody"}, "unknown model: 'nobody'"),
        ({"model": "x" * 5000}, "unknown model"),
        ({"version": "9"}, "version '9'"),
        ({"row": ROW | {"data": [1]}}, "expected 2 elements"),
        ({"row": ROW | {"datatype": "INT32"}}, "expected datatype FP32, got datatype INT32"),
        ({"row": ROW | {"data": [-1, 0]}}, "a negative number"),
        ({"request": {"inputs": []}}, "at least one tensor"),
        ({"request": {"inputs": [ROW], "outputs": [{"name": "z"}]}}, "expected one of 'y'"),
    ],
)
def test_what_can_never_succeed_leaves_a_failed_result(
    queue: Queue, changes: dict, words: str
) -> None:
    assert queue.fate(queue.message(**changes)) == FAILED
    (document,) = queue.documents()
    assert document["status"] == "failed"
    assert words in document["error"]
    assert not queue.ledger.entries


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"specversion": "2.0"}, "specversion"),
        ({"key_id": "A" * 12}, "active key"),
        ({"key_id": "x" * 5000}, "active key"),
        ({"id": "a b"}, "printable ASCII"),
        ({"id": derive_id(0, "seed").text}, "send a new id"),
    ],
)
def test_what_names_nobody_to_answer_is_a_dead_letter(
    queue: Queue, changes: dict, words: str
) -> None:
    message = queue.message(**changes)
    assert queue.fate(message) == DEAD
    ((body, reason, message_id),) = queue.dead_letters.sent
    assert (body, message_id) == (message.body, "m-1")
    assert words in reason
    assert not queue.results.stored


def test_a_revoked_keys_message_is_a_dead_letter(queue: Queue) -> None:
    queue.world.key_administration.revoke(queue.key.id)
    assert queue.fate(queue.message()) == DEAD


@pytest.mark.parametrize("depth", [300, 1000, 5000])
def test_deep_nesting_is_a_dead_letter(queue: Queue, depth: int) -> None:
    body = queue.message().body[:-1] + ',"request":{"a":' + "[" * depth + "]" * depth + "}}"
    assert queue.fate(Message("m-1", body, 0)) == DEAD


def pointing(uri: str) -> dict[str, Any]:
    """A row whose bytes lie elsewhere."""
    return {"name": "x", "shape": [1, 2], "datatype": "FP32", "parameters": {"input_uri": uri}}


def test_a_queued_request_may_name_an_upload(queue: Queue) -> None:
    content = np.array([3, 4], "<f4").tobytes()
    message = queue.message(row=pointing(queue.put("rows", content)))
    assert queue.fate(message) == SUCCEEDED
    (document,) = queue.documents()
    assert document["response"]["outputs"][0]["data"] == [6, 8]
    (entry,) = queue.ledger.entries.values()
    assert entry.bytes_in == len(message.body) + len(content)


def test_a_queued_request_may_lie_elsewhere(queue: Queue) -> None:
    uri = queue.put("request.json", orjson.dumps({"inputs": [ROW]}))
    assert queue.fate(queue.message(request=None, request_uri=uri)) == SUCCEEDED
    (document,) = queue.documents()
    assert document["response"]["outputs"][0]["data"] == [2, 4]


@pytest.mark.parametrize(
    ("content", "words"),
    [(b"{", "request_uri: expected JSON"), (b"[]", "request: expected an object")],
)
def test_what_lies_elsewhere_and_is_no_request_leaves_a_failed_result(
    queue: Queue, content: bytes, words: str
) -> None:
    uri = queue.put("request.json", content)
    assert queue.fate(queue.message(request=None, request_uri=uri)) == FAILED
    (document,) = queue.documents()
    assert words in document["error"]


@pytest.mark.parametrize("field", ["input_uri", "request_uri"])
def test_a_neighbours_object_leaves_a_failed_result(queue: Queue, field: str) -> None:
    uri = queue.put("rows", np.array([3, 4], "<f4").tobytes(), tenant="umbrella")
    changes = (
        {"row": pointing(uri)} if field == "input_uri" else {"request": None, "request_uri": uri}
    )
    assert queue.fate(queue.message(**changes)) == FAILED
    (document,) = queue.documents()
    assert f"{field}: expected the URI of an object below 's3://inputs/acme/'" in document["error"]
    assert not queue.world.inputs.reads
    assert not queue.ledger.entries


def test_another_content_under_an_answered_id_is_a_dead_letter(queue: Queue) -> None:
    fates = []
    for data in ([3, 4], [3, 4], [5, 6]):
        uri = queue.put("rows", np.array(data, "<f4").tobytes())
        fates.append(queue.fate(queue.message(row=pointing(uri), id="order-17")))
    assert fates == [SUCCEEDED, SUCCEEDED, DEAD]
    assert len(queue.ledger.entries) == 1


def test_without_the_inputs_a_message_comes_again(queue: Queue) -> None:
    def down(*_: object) -> None:
        raise StoreUnavailable("down")

    uri = queue.put("rows", np.array([3, 4], "<f4").tobytes())
    queue.world.inputs.read = down  # type: ignore[method-assign]
    assert queue.fate(queue.message(row=pointing(uri))) == RETRY


def test_a_batch_holds_no_more_at_a_time_than_one_message_may_point_at(
    queue: Queue, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("infermeter.batch.MAX_UPLOAD_BYTES", 1000)
    content = np.ones((80, 2), "<f4").tobytes()
    row = pointing(queue.put("rows", content)) | {"shape": [80, 2]}
    outcomes = queue.consume(*(queue.message(number, row) for number in range(4)))
    assert {outcome.fate for outcome in outcomes.values()} == {SUCCEEDED}
    assert queue.world.runtime.loaded[0].runs == [160, 160]


def test_each_message_fails_alone(queue: Queue) -> None:
    outcomes = queue.consume(
        queue.message(1),
        Message("m-2", "nonsense", int(NOW * 1000)),
        queue.message(3, ROW | {"data": [-1, 0]}),
        queue.message(4, ROW | {"data": [5, 6]}),
        queue.message(5, model="nobody"),
    )
    fates = {message_id: outcome.fate for message_id, outcome in outcomes.items()}
    assert fates == {"m-1": SUCCEEDED, "m-2": DEAD, "m-3": FAILED, "m-4": SUCCEEDED, "m-5": FAILED}


def test_tenants_get_their_own_rows(queue: Queue) -> None:
    other = queue.world.make_key("other")
    queue.consume(
        queue.message(1, ROW | {"data": [1, 1]}, id="a"),
        queue.message(2, ROW | {"data": [2, 2]}, id="a", key_id=other.id),
    )
    assert queue.world.runtime.loaded[0].runs == [2]
    answers = {
        tenant: orjson.loads(stored.document)["response"]["outputs"][0]["data"]
        for (tenant, _), stored in queue.results.stored.items()
    }
    assert answers == {"acme": [2, 2], "other": [4, 4]}
    assert {entry.tenant: entry.units for entry in queue.ledger.entries.values()} == {
        "acme": 1,
        "other": 1,
    }


def test_the_same_message_twice_in_a_batch_is_charged_once(queue: Queue) -> None:
    outcomes = queue.consume(queue.message(1, id="a"), queue.message(2, id="a"))
    assert {outcome.fate for outcome in outcomes.values()} == {SUCCEEDED}
    assert len(queue.ledger.entries) == 1


def test_another_payload_under_an_answered_id_is_a_dead_letter(queue: Queue) -> None:
    queue.consume(queue.message(1, id="a"))
    assert queue.fate(queue.message(2, ROW | {"data": [5, 6]}, id="a")) == DEAD
    (document,) = queue.documents()
    assert document["response"]["outputs"][0]["data"] == [2, 4]


def test_without_the_ledger_a_message_comes_again(queue: Queue) -> None:
    def down(_: object) -> None:
        raise LedgerUnavailable

    put, queue.ledger.put = queue.ledger.put, down  # type: ignore[method-assign]
    assert queue.fate(queue.message()) == RETRY
    queue.ledger.put = put  # type: ignore[method-assign]
    assert queue.fate(queue.message()) == SUCCEEDED
    assert len(queue.ledger.entries) == 1


def test_past_the_deadline_a_message_comes_again(queue: Queue) -> None:
    assert queue.fate(queue.message(), deadline=NOW + 1) == RETRY
    assert not queue.ledger.entries


@pytest.mark.parametrize("port", ["results", "dead_letters"])
def test_without_a_place_for_the_outcome_a_message_comes_again(queue: Queue, port: str) -> None:
    def down(*_: object, **__: object) -> None:
        raise StoreUnavailable("down")

    name = {"results": "write_failure", "dead_letters": "send"}[port]
    setattr(getattr(queue, port), name, down)
    message = queue.message(model="nobody") if port == "results" else Message("m-1", "nonsense", 0)
    assert queue.fate(message) == RETRY


@given(st.lists(json_values.map(lambda value: orjson.dumps(value).decode()) | st.text()))
def test_anything_in_a_queue_ends_somewhere(bodies: list[str]) -> None:
    queue = Queue()
    outcomes = queue.consume(
        *(Message(f"m-{number}", body, 0) for number, body in enumerate(bodies))
    )
    assert {outcome.fate for outcome in outcomes.values()} <= {DEAD}


@given(json_values | st.fixed_dictionaries({"inputs": json_values | st.lists(json_values)}))
def test_any_request_in_an_envelope_ends_somewhere(request: object) -> None:
    queue = Queue()
    outcomes = queue.consume(queue.message(2, request=request), queue.message(1))
    assert outcomes["m-1"].fate == SUCCEEDED
    assert outcomes["m-2"].fate in {FAILED, DEAD}


class Refusing:
    """A limiter that refuses everyone."""

    def __init__(self, error: InfermeterError) -> None:
        self.error = error

    def admit(self, *_: object) -> Permit:
        raise self.error


def test_a_request_that_a_limit_holds_up_is_delivered_again(queue: Queue) -> None:
    queue.world.service._limiter = Refusing(BudgetLeased("key", 5.0))
    assert queue.fate(queue.message()) == RETRY
    assert not queue.results.stored
    assert not queue.ledger.entries


def test_a_request_whose_budget_is_spent_leaves_a_failed_result(queue: Queue) -> None:
    queue.world.service._limiter = Refusing(BudgetSpent("tenant", 5, "units", "2026-11"))
    assert queue.fate(queue.message()) == FAILED
    (document,) = queue.documents()
    assert document["status"] == "failed"
    assert "at most 5 units in 2026-11" in document["error"]
