"""Queued requests: each message fails alone, and none is lost.

A message that cannot be read, or names nobody who could be answered, goes to the dead-letter
queue with its reason. A request that can never succeed leaves a failed result. What may succeed
later is reported back, so that the queue delivers it again.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Protocol

import orjson

from infermeter.errors import (
    DeadlineExceeded,
    Defect,
    InfermeterError,
    InvalidField,
    LimitReached,
    RequestIdReused,
    Unavailable,
)
from infermeter.metering.ids import Channel, derive_id, parse_id
from infermeter.metering.ledger import payload_hash
from infermeter.service import Call, Delivery
from infermeter.wire import oip
from infermeter.wire.binary import Tail
from infermeter.wire.envelope import decode_envelope
from infermeter.wire.excerpts import shown
from infermeter.wire.json_body import parse_json
from infermeter.wire.limits import MAX_BODY_BYTES, MAX_UPLOAD_BYTES

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from infermeter.inference import InferenceResult
    from infermeter.metering.ids import RequestId
    from infermeter.service import Served, Service
    from infermeter.tenants.authentication import Principal
    from infermeter.transfers.uploads import Reading, Uploads
    from infermeter.wire.envelope import Envelope

_TRANSIENT = (Unavailable, DeadlineExceeded, LimitReached)


@dataclass(frozen=True, slots=True)
class Message:
    """A queue's message. `sent_ms` and `id` stay the same when it is delivered again."""

    id: str
    body: str
    sent_ms: int


class Results(Protocol):
    """Where results are left for their tenant."""

    def write(
        self,
        tenant: str,
        request_id: RequestId,
        document: bytes,
        payload_hash: str,
        version: str,
    ) -> str:
        """Stores a version's answer; the version whose answer stands.

        The same payload's first one does; a failure gives way to it. Raises RequestIdReused when
        another payload's answer stands under this id.
        """
        ...

    def write_failure(
        self, tenant: str, request_id: RequestId, document: bytes, payload_hash: str
    ) -> None:
        """Stores why there is no answer, unless something stands under this id."""
        ...

    def retract(
        self, tenant: str, request_id: RequestId, document: bytes, payload_hash: str
    ) -> bool:
        """Puts a failure in place of this payload's answer; False if another payload's stands."""
        ...


class DeadLetters(Protocol):
    """Where messages go that can never be answered."""

    def send(self, body: str, *, reason: str, message_id: str) -> None:
        """Sends the message on."""
        ...


@dataclass(frozen=True, slots=True)
class _Order:
    """A message that is known to be whose, and under which id."""

    message: Message
    envelope: Envelope
    principal: Principal
    request_id: RequestId
    payload_hash: str
    form: oip.OutputForm = oip.JSON_FORM


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a message: served, or the error, and where that left it."""

    message: Message
    fate: str
    principal: Principal | None = None
    request_id: str = ""
    served: Served[None] | None = None
    error: InfermeterError | None = None


SUCCEEDED, FAILED, DEAD, RETRY = "succeeded", "failed", "dead-letter", "retry"


class BatchConsumer:
    """Answers a batch of messages."""

    def __init__(
        self,
        *,
        service: Service,
        results: Results,
        dead_letters: DeadLetters,
        clock: Callable[[], float],
        uploads: Uploads | None = None,
    ) -> None:
        self._service, self._results, self._dead_letters = service, results, dead_letters
        self._uploads, self._clock = uploads, clock

    def consume(self, messages: Sequence[Message], *, deadline: float) -> list[Outcome]:
        """One outcome per message, in any order; those with fate `retry` are to be redelivered."""
        outcomes: list[Outcome] = []
        orders: list[_Order] = []
        calls: list[Call] = []
        for message in messages:
            order = self._read(message)
            if isinstance(order, Outcome):
                outcomes.append(order)
                continue
            try:
                call, form = self._call(order, deadline)
            except InfermeterError as error:
                outcomes.append(self._fail(order, error))
                continue
            orders.append(replace(order, payload_hash=call.payload_hash, form=form))
            calls.append(call)
            # Of what messages point at, no more is held at a time than one alone may point at.
            if sum(call.bytes_in for call in calls) > MAX_UPLOAD_BYTES:
                outcomes += self._settle(orders, calls)
                orders, calls = [], []
        return outcomes + self._settle(orders, calls)

    def _settle(self, orders: Sequence[_Order], calls: Sequence[Call]) -> list[Outcome]:
        forms = {order.payload_hash: order.form for order in orders}

        def deliver(call: Call, result: InferenceResult) -> Delivery[None]:
            return self._deliver(call, result, forms[call.payload_hash])

        return [
            self._fail(order, outcome)
            if isinstance(outcome, InfermeterError)
            else _outcome(order, SUCCEEDED, served=outcome)
            for order, outcome in zip(orders, self._serve(calls, deliver), strict=True)
        ]

    def _serve(
        self,
        calls: Sequence[Call],
        deliver: Callable[[Call, InferenceResult], Delivery[None]],
    ) -> list[Served[None] | InfermeterError]:
        """All calls together; when something unforeseen strikes, each alone, so that one falls."""
        try:
            return self._service.infer_batch(calls, deliver)
        except Exception as error:  # noqa: BLE001  whatever it is must not take the others along
            if len(calls) > 1:
                return [outcome for call in calls for outcome in self._serve([call], deliver)]
            defect = Defect()
            defect.__cause__ = error
            return [defect]

    def _read(self, message: Message) -> _Order | Outcome:
        try:
            envelope = decode_envelope(message.body)
            principal = self._service.authenticator.by_key_id(envelope.key_id)
            return _Order(
                message,
                envelope,
                principal,
                self._request_id(message, envelope),
                _hash(envelope),
            )
        except _TRANSIENT as error:
            return Outcome(message, RETRY, error=error)
        except InfermeterError as error:
            return self._bury(message, error)

    def _request_id(self, message: Message, envelope: Envelope) -> RequestId:
        if envelope.id is None:
            return derive_id(message.sent_ms, message.id)
        return parse_id(envelope.id, now_s=self._clock(), channel=Channel.SQS)

    def _call(self, order: _Order, deadline: float) -> tuple[Call, oip.OutputForm]:
        started, now = time.perf_counter(), self._clock()
        envelope, tenant = order.envelope, order.principal.tenant
        reading = self._uploads.reading(tenant) if self._uploads else None
        document: object = envelope.request
        if envelope.request_uri is not None:
            document = _fetched(envelope.request_uri, reading)
        request, form = oip.decode_document(
            document, Tail(memoryview(b"")), reading.fetch if reading else None
        )
        # A message that does not say when it was sent has not waited.
        sent_s = order.message.sent_ms / 1000 or now
        fetched, size = (reading.digests, reading.size) if reading else ((), 0)
        call = Call(
            principal=order.principal,
            request_id=order.request_id,
            model=envelope.model,
            version=envelope.version,
            request=request,
            payload_hash=_hash(envelope, *fetched),
            channel=Channel.SQS,
            bytes_in=len(order.message.body.encode()) + size,
            deadline=deadline,
            gateway_id=order.message.id,
            queued_s=max(0.0, now - sent_s),
            decoded_s=time.perf_counter() - started,
        )
        # JSON alone: a result is read by whoever finds it, long after the request is gone.
        return call, oip.OutputForm(classes=form.classes)

    def _deliver(self, call: Call, result: InferenceResult, form: oip.OutputForm) -> Delivery[None]:
        content, _ = oip.encode_response(result, form).written()
        document = _document(call.request_id, "succeeded", response=orjson.Fragment(content))
        place = (call.principal.tenant, call.request_id, document, call.payload_hash)
        standing = self._results.write(*place, result.version)
        return Delivery(None, len(document), standing)

    def _fail(self, order: _Order, error: InfermeterError) -> Outcome:
        if isinstance(error, _TRANSIENT):
            return _outcome(order, RETRY, error=error)
        document = _document(order.request_id, "failed", error=str(error))
        place = (order.principal.tenant, order.request_id, document, order.payload_hash)
        try:
            if not isinstance(error, RequestIdReused):
                self._results.write_failure(*place)
            elif not self._results.retract(*place):
                # The id's first payload has its answer there; this one has no place of its own.
                return self._bury(order.message, error)
        except Unavailable as unavailable:
            return _outcome(order, RETRY, error=unavailable)
        return _outcome(order, FAILED, error=error)

    def _bury(self, message: Message, error: InfermeterError) -> Outcome:
        try:
            self._dead_letters.send(message.body, reason=str(error), message_id=message.id)
        except Unavailable as unavailable:
            return Outcome(message, RETRY, error=unavailable)
        return Outcome(message, DEAD, error=error)


def _fetched(uri: str, reading: Reading | None) -> object:
    if reading is None:
        expected = "none, as this server keeps no uploads"
        raise InvalidField("request_uri", expected=expected, got=shown(uri))
    return parse_json(reading.fetch(uri, "request_uri", MAX_BODY_BYTES), "request_uri")


def _hash(envelope: Envelope, *fetched: bytes) -> str:
    body = envelope.canonical_request()
    # Not as over HTTP: a charge that no answer over HTTP was delivered for falls, and whoever was
    # answered here under its id would have been served for nothing.
    return payload_hash("infer queued", envelope.model, envelope.version, body, *fetched)


def _outcome(
    order: _Order,
    fate: str,
    *,
    served: Served[None] | None = None,
    error: InfermeterError | None = None,
) -> Outcome:
    return Outcome(order.message, fate, order.principal, order.request_id.text, served, error)


def _document(request_id: RequestId, status: str, **more: object) -> bytes:
    return orjson.dumps({"id": request_id.text, "status": status, **more})
