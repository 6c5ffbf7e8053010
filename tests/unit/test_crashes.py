"""Every way in which a put into the ledger can end, in every order, for three attempts.

Whatever happens: at most one charge, and nobody is answered without it.
"""

from __future__ import annotations

from enum import Enum
from itertools import product
from typing import Any

import orjson
import pytest
from botocore.exceptions import ClientError, ReadTimeoutError

from infermeter.adapters.ledger import DynamoLedger
from infermeter.batch import DEAD, FAILED, RETRY, SUCCEEDED, BatchConsumer, Message
from infermeter.wire.http import HttpRequest, HttpResponse
from tests.ports import NOW, Clock, MemoryDeadLetters, MemoryResults, World

ROW = {"name": "x", "shape": [1, 2], "datatype": "FP32", "data": [1, 2]}


class End(Enum):
    """How a put ends."""

    ACKNOWLEDGED = "applied, acknowledged"
    LOST_THEN_RETRIED = "applied, the acknowledgement lost, the SDK's retry meets its own item"
    UNANSWERED = "applied, and no attempt of the SDK was answered"
    APPLIED_THEN_DIED = "applied, and the process dies"
    NOT_APPLIED = "not applied, and no answer"
    DIED = "the process dies before it"


class Died(BaseException):
    """The process is gone."""


class FickleTable:
    """A DynamoDB client of one table whose puts end as they are told to."""

    def __init__(self) -> None:
        self.items: dict[tuple[str, str], dict[str, Any]] = {}
        self.end = End.ACKNOWLEDGED

    def put_item(self, *, Item: dict[str, Any], **arguments: Any) -> None:  # noqa: N803
        assert arguments["ConditionExpression"] == "attribute_not_exists(pk)"
        place = (Item["pk"]["S"], Item["sk"]["S"])
        if self.end is End.DIED:
            raise Died
        if self.end is End.NOT_APPLIED:
            raise ReadTimeoutError(endpoint_url="ledger")
        standing = self.items.setdefault(place, Item)
        if self.end is End.APPLIED_THEN_DIED:
            raise Died
        if self.end is End.UNANSWERED:
            raise ReadTimeoutError(endpoint_url="ledger")
        if standing is not Item or self.end is End.LOST_THEN_RETRIED:
            error = {"Error": {"Code": "ConditionalCheckFailedException"}, "Item": standing}
            raise ClientError(error, "PutItem")


class Scene:
    """A world over a fickle table; each attempt may meet a fresh environment and a newer model."""

    def __init__(self, *, model_moves: bool) -> None:
        self.table = FickleTable()
        self.world = World(DynamoLedger(self.table, "ledger", Clock()))
        self.key = self.world.make_key()
        self.world.publish(2.0)
        self.model_moves = model_moves
        self.results, self.dead_letters = MemoryResults(), MemoryDeadLetters()

    def prepare(self, end: End) -> None:
        self.table.end = end
        if self.model_moves:
            self.world.publish(len(self.world.runtime.loaded) + 3.0)
        self.world.restart()

    def ask(self, end: End) -> HttpResponse | None:
        """What an HTTP client gets; None when the process dies."""
        self.prepare(end)
        request = HttpRequest(
            method="POST",
            path="/v2/models/scaling/infer",
            headers={"x-api-key": self.key.text(), "idempotency-key": "order-17"},
            body=orjson.dumps({"inputs": [ROW]}),
            gateway_id="gateway",
            received_ms=int(NOW * 1000),
        )
        try:
            application = self.world.application()
            return application.handle(request, deadline=NOW + 25).response
        except Died:
            return None

    def deliver(self, end: End, message: Message) -> str | None:
        """What becomes of a queue's message; None when the process dies."""
        self.prepare(end)
        consumer = BatchConsumer(
            service=self.world.service,
            results=self.results,
            dead_letters=self.dead_letters,
            clock=Clock(),
        )
        try:
            (outcome,) = consumer.consume([message], deadline=NOW + 25)
        except Died:
            return None
        return outcome.fate

    def charges(self) -> list[dict[str, Any]]:
        return list(self.table.items.values())


SCHEDULES = list(product(End, repeat=3))
moving = pytest.mark.parametrize("model_moves", [False, True], ids=["model stays", "model moves"])


def message(key_id: str, **changes: Any) -> Message:
    envelope = {
        "specversion": "1.0",
        "id": "order-17",
        "key_id": key_id,
        "model": "scaling",
        "request": {"inputs": [ROW]},
    }
    return Message("m-1", orjson.dumps(envelope | changes).decode(), int(NOW * 1000))


@moving
def test_over_http_there_is_one_charge_and_no_answer_without_it(model_moves: bool) -> None:
    for schedule in SCHEDULES:
        scene = Scene(model_moves=model_moves)
        for end in schedule:
            expected = "replay" if scene.charges() else "new"
            response = scene.ask(end)
            assert len(scene.charges()) <= 1, schedule
            if response is not None and response.status == 200:
                (charge,) = scene.charges()
                assert response.headers["infermeter-billed"] == expected, schedule
                assert response.headers["infermeter-units"] == charge["u"]["N"]
                assert response.headers["infermeter-model-version"] == charge["v"]["S"]
            elif response is not None:
                assert response.status == 503, schedule
                assert b"outputs" not in response.body


@moving
def test_over_a_queue_there_is_one_charge_and_one_answer(model_moves: bool) -> None:
    for schedule in SCHEDULES:
        scene = Scene(model_moves=model_moves)
        sent = message(scene.key.id)
        for end in (*schedule, End.ACKNOWLEDGED):
            fate = scene.deliver(end, sent)
            assert len(scene.charges()) <= 1, schedule
            assert fate in {None, RETRY, SUCCEEDED}, schedule
            if scene.charges() or fate == SUCCEEDED:
                (stored,) = scene.results.stored.values()
                assert stored.succeeded, schedule
            if fate == SUCCEEDED:
                break
        assert fate == SUCCEEDED, schedule
        assert len(scene.charges()) == 1, schedule


def test_a_queues_redelivery_after_it_was_served_is_not_charged_again() -> None:
    for first, second in product(End, repeat=2):
        scene = Scene(model_moves=False)
        sent = message(scene.key.id)
        scene.deliver(first, sent)
        scene.deliver(second, sent)
        scene.deliver(End.ACKNOWLEDGED, sent)
        before = dict(scene.results.stored)
        assert scene.deliver(End.ACKNOWLEDGED, sent) == SUCCEEDED
        assert len(scene.charges()) == 1
        assert scene.results.stored == before


def test_two_payloads_under_one_id_are_one_charge_and_its_own_answer() -> None:
    other = {"inputs": [ROW | {"data": [3, 4]}]}
    for first, second in product(End, repeat=2):
        scene = Scene(model_moves=False)
        one, two = message(scene.key.id), message(scene.key.id, request=other)
        scene.deliver(first, one)
        scene.deliver(second, two)
        fates = {scene.deliver(End.ACKNOWLEDGED, each) for each in (one, two)}
        (charge,) = scene.charges()
        (stored,) = scene.results.stored.values()
        assert stored.succeeded
        assert stored.payload_hash == charge["h"]["S"]
        assert fates <= {SUCCEEDED, FAILED, DEAD}
