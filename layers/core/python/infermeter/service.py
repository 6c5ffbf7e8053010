"""The one path from a request to an answer that is charged; every transport calls it.

authenticate -> resolve -> validate -> run -> deliver -> meter. Whatever can fail comes before the
put into the ledger: the answer is encoded (or its result stored) first, so that an answer that
is given was recorded, and one that could not be given was not.
"""

from __future__ import annotations

import math
import time
import uuid
from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from infermeter.engine.stacking import chunks, run_stacked, stack_key
from infermeter.errors import (
    DeadlineExceeded,
    InfermeterError,
    ModelUnavailable,
    RecordedVersionGone,
    UnknownVersion,
)
from infermeter.inference import InferenceResult
from infermeter.metering.ledger import Billed, LedgerEntry, commit
from infermeter.tensors import Tensor, datatype_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from numpy.typing import NDArray

    from infermeter.engine.models import Models, ServedModel
    from infermeter.inference import InferenceRequest
    from infermeter.metering.ids import Channel, RequestId
    from infermeter.metering.ledger import Commit, Ledger
    from infermeter.registry.catalog import Catalog
    from infermeter.signature import Signature
    from infermeter.tenants.authentication import Authenticator, Principal

# What the put may take at most; an answer that is not ready this long before its deadline is late.
PUT_BUDGET_S = 2.0

Delivered = TypeVar("Delivered")


@dataclass(frozen=True, slots=True)
class Call:
    """One inference asked for. `version` as the caller named it: a number, an alias or nothing.

    `deadline` is the epoch time in seconds after which no answer can reach the caller;
    `patience_until` the one after which it wants none.
    """

    principal: Principal
    request_id: RequestId
    model: str
    version: str | None
    request: InferenceRequest
    payload_hash: str
    channel: Channel
    bytes_in: int
    deadline: float
    patience_until: float = math.inf
    gateway_id: str = ""


@dataclass(frozen=True, slots=True)
class Delivery(Generic[Delivered]):
    """What a transport made of a result: the encoded answer, and its size in bytes."""

    answer: Delivered
    size: int


@dataclass(frozen=True, slots=True)
class Served(Generic[Delivered]):
    """An answer that was recorded. `units` are those of the ledger entry that stands."""

    call: Call
    result: InferenceResult
    answer: Delivered
    billed: Billed
    units: int
    timings: Mapping[str, float]


@dataclass(slots=True)
class _Admitted:
    """A call that fits its model's signature, on its way through."""

    call: Call
    model: ServedModel
    inputs: Mapping[str, NDArray[Any]]
    outputs: tuple[str, ...]
    rows: int
    timings: dict[str, float] = field(default_factory=dict)


class Service:
    """The data plane over its ports."""

    def __init__(
        self,
        *,
        authenticator: Authenticator,
        catalog: Catalog,
        models: Models,
        ledger: Ledger,
        clock: Callable[[], float],
    ) -> None:
        self.authenticator, self.catalog, self.models = authenticator, catalog, models
        self._ledger, self._clock = ledger, clock

    def signature(self, model: str, version: str | None) -> Signature:
        """What the model takes and gives. Raises UnknownModel or UnknownVersion."""
        return self.models.manifest(self.catalog.resolve(model, version)).signature

    def infer(
        self, call: Call, deliver: Callable[[Call, InferenceResult], Delivery[Delivered]]
    ) -> Served[Delivered]:
        """Serves one call; raises whatever error of the domain stops it, with nothing charged."""
        (outcome,) = self.infer_batch([call], deliver)
        if isinstance(outcome, InfermeterError):
            raise outcome
        return outcome

    def infer_batch(
        self,
        calls: Sequence[Call],
        deliver: Callable[[Call, InferenceResult], Delivery[Delivered]],
    ) -> list[Served[Delivered] | InfermeterError]:
        """Serves calls of any tenants together, in the order given; each fails alone.

        Calls for one version whose tensors differ in rows alone run as one.
        """
        outcomes: dict[int, Served[Delivered] | InfermeterError] = {}
        admitted: dict[int, _Admitted] = {}
        for index, call in enumerate(calls):
            try:
                admitted[index] = self._admit(call)
            except InfermeterError as error:
                outcomes[index] = error
        for group in _groups(admitted):
            results = _run_group([admitted[index] for index in group])
            for index, result in zip(group, results, strict=True):
                try:
                    if isinstance(result, InfermeterError):
                        raise result
                    outcomes[index] = self._settle(admitted[index], result, deliver)
                except InfermeterError as error:
                    outcomes[index] = error
        return [outcomes[index] for index in range(len(calls))]

    def _admit(self, call: Call, version: str | None = None) -> _Admitted:
        started = time.perf_counter()
        model = self.models.get(self.catalog.resolve(call.model, version or call.version))
        loaded = time.perf_counter()
        signature = model.manifest.signature
        inputs = signature.check_inputs(call.request.inputs)
        return _Admitted(
            call=call,
            model=model,
            inputs={name: tensor.array for name, tensor in inputs.items()},
            outputs=signature.check_outputs(call.request.outputs),
            rows=signature.rows(inputs),
            timings={"load": loaded - started},
        )

    def _settle(
        self,
        admitted: _Admitted,
        arrays: list[NDArray[Any]],
        deliver: Callable[[Call, InferenceResult], Delivery[Delivered]],
    ) -> Served[Delivered]:
        delivered, result = _deliver(admitted, arrays, deliver)
        recorded = self._commit(admitted, delivered.size)
        if recorded.entry.version != result.version:
            admitted = self._on_recorded_version(admitted, recorded.entry.version)
            arrays = _run_one(admitted)
            delivered, result = _deliver(admitted, arrays, deliver)
        return Served(
            call=admitted.call,
            result=result,
            answer=delivered.answer,
            billed=recorded.billed,
            units=recorded.entry.units,
            timings=admitted.timings,
        )

    def _commit(self, admitted: _Admitted, bytes_out: int) -> Commit:
        call, version = admitted.call, admitted.model.version
        now = self._clock()
        late_s = max(now + PUT_BUDGET_S - call.deadline, now - call.patience_until)
        if late_s > 0:
            raise DeadlineExceeded(late_s)
        unit = admitted.model.manifest.unit
        started = time.perf_counter()
        recorded = commit(
            self._ledger,
            LedgerEntry(
                tenant=call.principal.tenant,
                request_id=call.request_id,
                key_id=call.principal.key_id,
                model=version.model,
                version=version.version,
                unit=unit,
                units=admitted.rows if unit == "row" else 1,
                rows=admitted.rows,
                bytes_in=call.bytes_in,
                bytes_out=bytes_out,
                milliseconds=round(admitted.timings["infer"] * 1000),
                channel=call.channel,
                payload_hash=call.payload_hash,
                nonce=uuid.uuid4().hex,
                committed_ms=int(now * 1000),
                gateway_id=call.gateway_id,
            ),
        )
        admitted.timings["meter"] = time.perf_counter() - started
        return recorded

    def _on_recorded_version(self, admitted: _Admitted, version: str) -> _Admitted:
        """A replay is answered by the version that was charged, wherever its alias points now."""
        try:
            pinned = self._admit(admitted.call, version)
        except (UnknownVersion, ModelUnavailable) as error:
            raise RecordedVersionGone(admitted.call.model, version) from error
        pinned.timings["meter"] = admitted.timings["meter"]
        return pinned


def _groups(admitted: Mapping[int, _Admitted]) -> list[list[int]]:
    groups: defaultdict[Any, list[int]] = defaultdict(list)
    for index, each in admitted.items():
        shape = stack_key(each.inputs, each.model.manifest.signature.batch_axis)
        version = each.model.version
        key = index if shape is None else (version.model, version.version, each.outputs, shape)
        groups[key].append(index)
    return list(groups.values())


def _run_group(group: list[_Admitted]) -> list[list[NDArray[Any]] | InfermeterError]:
    results: list[list[NDArray[Any]] | InfermeterError] = []
    for chunk in chunks([each.inputs for each in group]):
        members = group[chunk.start : chunk.stop]
        results.extend(_run_together(members) if len(members) > 1 else map(_run_alone, members))
    return results


def _run_together(members: list[_Admitted]) -> list[list[NDArray[Any]] | InfermeterError]:
    first = members[0]
    axis = first.model.manifest.signature.batch_axis
    started = time.perf_counter()
    try:
        results = run_stacked(
            first.model.loaded, [each.inputs for each in members], first.outputs, axis or 0
        )
    except InfermeterError:
        # One of them may be at fault: alone, the others are served.
        return [_run_alone(each) for each in members]
    share = (time.perf_counter() - started) / len(members)
    for each in members:
        each.timings["infer"] = share
    return list(results)


def _run_alone(each: _Admitted) -> list[NDArray[Any]] | InfermeterError:
    try:
        return _run_one(each)
    except InfermeterError as error:
        return error


def _run_one(each: _Admitted) -> list[NDArray[Any]]:
    started = time.perf_counter()
    arrays = each.model.loaded.run(each.inputs, each.outputs)
    each.timings["infer"] = time.perf_counter() - started
    return arrays


def _deliver(
    admitted: _Admitted,
    arrays: list[NDArray[Any]],
    deliver: Callable[[Call, InferenceResult], Delivery[Delivered]],
) -> tuple[Delivery[Delivered], InferenceResult]:
    version = admitted.model.version
    result = InferenceResult(
        model=version.model,
        version=version.version,
        outputs=tuple(
            Tensor(name, datatype_of(array), array)
            for name, array in zip(admitted.outputs, arrays, strict=True)
        ),
        signature=admitted.model.manifest.signature,
        id=admitted.call.request.id,
    )
    started = time.perf_counter()
    delivery = deliver(admitted.call, result)
    admitted.timings["encode"] = time.perf_counter() - started
    return delivery, result
