"""The one path from a request to an answer that is charged; every transport calls it.

authenticate -> resolve -> validate -> limit -> run -> deliver -> meter. Whatever can fail comes
before the put into the ledger: the answer is encoded (or its result stored) first, so that an
answer that is given was recorded, and one that could not be given was not.
"""

from __future__ import annotations

import math
import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Generic, NamedTuple, TypeVar

from infermeter.charging import charge, charged, expected, tokens_of
from infermeter.errors import (
    DeadlineExceeded,
    InfermeterError,
    ModelUnavailable,
    RecordedVersionGone,
    RequestIdRefused,
    UnknownVersion,
)
from infermeter.execution import Admitted, Executor, groups
from infermeter.inference import InferenceResult
from infermeter.limits.limiter import Unlimited
from infermeter.metering.ledger import Billed, commit
from infermeter.statistics.buffer import StatisticsBuffer, Unkept
from infermeter.statistics.counting import CallCounter
from infermeter.tenants.scopes import Action
from infermeter.tensors import Tensor, datatype_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from numpy.typing import NDArray

    from infermeter.engine.models import Models, ServedModel
    from infermeter.inference import InferenceRequest
    from infermeter.limits.limiter import Limiter, Quota
    from infermeter.metering.ids import Channel, RequestId
    from infermeter.metering.ledger import Commit, Ledger, Spool
    from infermeter.registry.catalog import Catalog, ModelVersion
    from infermeter.signature import Signature
    from infermeter.tenants.authentication import Authenticator, Principal

# What the put may take at most, 2 s, and after it the spool; an answer that is not ready this long
# before its deadline is late.
PUT_BUDGET_S = 3.0
_NO_PERMIT = Unlimited().admit()

Delivered = TypeVar("Delivered")


@dataclass(slots=True)  # a frozen one takes over twice as long to make
class Call:
    """One inference asked for. `version` as the caller named it: a number, an alias or nothing.

    `deadline` is the epoch time in seconds after which no answer can reach the caller;
    `patience_until` the one after which it wants none. `queued_s` and `decoded_s` are the seconds
    that it waited for this function, and that its body took to read. Where the version that runs
    decides what goes in, `for_model` makes the request for it, in place of `request`.
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
    queued_s: float = 0.0
    decoded_s: float = 0.0
    for_model: Callable[[ServedModel], InferenceRequest] | None = None


class Delivery(NamedTuple, Generic[Delivered]):
    """What a transport made of a result: the encoded answer, and its size in bytes.

    `version` is the one whose answer the caller has, where an earlier attempt's stands.
    """

    answer: Delivered
    size: int
    version: str = ""


class Served(NamedTuple, Generic[Delivered]):
    """An answer that was recorded. `units` are those of the ledger entry that stands, `quotas`
    what remains of the caller's limits."""

    call: Call
    result: InferenceResult
    answer: Delivered
    billed: Billed
    units: int
    timings: Mapping[str, float]
    quotas: Sequence[Quota] = ()


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
        statistics: StatisticsBuffer | None = None,
        spool: Spool | None = None,
        limiter: Limiter | None = None,
    ) -> None:
        self.authenticator, self.catalog, self.models = authenticator, catalog, models
        self.statistics = statistics or StatisticsBuffer(Unkept(), clock)
        self._ledger, self._spool, self._clock = ledger, spool, clock
        self._limiter: Limiter = limiter or Unlimited()
        self._executor = Executor(self.statistics)
        self._counter = CallCounter(self.statistics, clock)

    def signature(self, model: str, version: str | None) -> Signature:
        """What the model takes and gives. Raises UnknownModel or UnknownVersion."""
        return self.models.manifest(self.catalog.resolve(model, version)).signature

    def infer(
        self, call: Call, deliver: Callable[[Call, InferenceResult], Delivery[Delivered]]
    ) -> Served[Delivered]:
        """Serves one call; raises whatever error of the domain stops it, with nothing charged."""
        admitted = self._admit(call)
        try:
            return self._settle(admitted, self._executor.run_one(admitted), deliver)
        except InfermeterError:
            self._counter.failure(admitted)
            raise
        finally:
            admitted.permit.settle(admitted.charged)

    def infer_batch(
        self,
        calls: Sequence[Call],
        deliver: Callable[[Call, InferenceResult], Delivery[Delivered]],
    ) -> list[Served[Delivered] | InfermeterError]:
        """Serves calls of any tenants together, in the order given; each fails alone.

        Calls for one version whose tensors differ in rows alone run as one.
        """
        outcomes: dict[int, Served[Delivered] | InfermeterError] = {}
        admitted: dict[int, Admitted] = {}
        for index, call in enumerate(calls):
            try:
                admitted[index] = self._admit(call)
            except InfermeterError as error:
                outcomes[index] = error
        try:
            for group in groups(admitted):
                results = self._executor.run_group([admitted[index] for index in group])
                for index, result in zip(group, results, strict=True):
                    try:
                        if isinstance(result, InfermeterError):
                            raise result
                        outcomes[index] = self._settle(admitted[index], result, deliver)
                    except InfermeterError as error:
                        self._counter.failure(admitted[index])
                        outcomes[index] = error
        finally:
            for each in admitted.values():
                each.permit.settle(each.charged)
        return [outcomes[index] for index in range(len(calls))]

    def _admit(self, call: Call) -> Admitted:
        started = time.perf_counter()
        call.principal.require(Action.INFER, call.model)
        version = self.catalog.resolve(call.model, call.version)
        try:
            admitted = self._admit_to(version, call, started)
            admitted.permit = self._limiter.admit(
                call.principal, expected(admitted), call.channel, call.deadline
            )
        except InfermeterError:
            self._counter.refusal(version, started)
            raise
        return admitted

    def _admit_to(self, version: ModelVersion, call: Call, started: float) -> Admitted:
        model = self.models.get(version)
        loaded = time.perf_counter()
        if call.for_model is not None:
            call = replace(call, request=call.for_model(model))
        signature = model.manifest.signature
        inputs = signature.check_inputs(call.request.inputs)
        arrays = {name: tensor.array for name, tensor in inputs.items()}
        return Admitted(
            call=call,
            model=model,
            inputs=arrays,
            outputs=signature.check_outputs(call.request.outputs),
            rows=signature.rows(inputs),
            tokens=tokens_of(call, model, arrays),
            started=started,
            checked_s=time.perf_counter() - loaded,
            permit=_NO_PERMIT,
            timings={"load": loaded - started},
        )

    def _settle(
        self,
        admitted: Admitted,
        arrays: list[NDArray[Any]],
        deliver: Callable[[Call, InferenceResult], Delivery[Delivered]],
    ) -> Served[Delivered]:
        begun = admitted
        # What is late already is not worth delivering: a large answer would be stored for nothing.
        self._check_time(admitted.call)
        delivered, result = _deliver(admitted, arrays, deliver)
        if delivered.version not in ("", result.version):
            # What the caller has is what is to be charged.
            admitted = self._on_version(begun, delivered.version)
            delivered, result = self._again(admitted, deliver)
        recorded = self._commit(begun, admitted, delivered.size)
        quotas = admitted.permit.quotas()
        if recorded.entry.version != result.version:
            admitted = self._on_version(admitted, recorded.entry.version)
            delivered, result = self._again(admitted, deliver)
        self._counter.success(admitted)
        return Served(
            call=admitted.call,
            result=result,
            answer=delivered.answer,
            billed=recorded.billed,
            units=recorded.entry.units,
            timings=admitted.timings,
            quotas=quotas,
        )

    def _check_time(self, call: Call) -> float:
        """The time, if the put can still be made; DeadlineExceeded otherwise."""
        now = self._clock()
        late_s = max(now + PUT_BUDGET_S - call.deadline, now - call.patience_until)
        if late_s > 0:
            raise DeadlineExceeded(late_s)
        return now

    def _commit(self, begun: Admitted, admitted: Admitted, bytes_out: int) -> Commit:
        quantities = charged(admitted, bytes_out)
        lease = admitted.permit.lease(quantities)
        now = self._check_time(admitted.call)
        entry = charge(admitted, quantities, lease, now)
        started = time.perf_counter()
        # Unless it becomes known that it was not, it may have been.
        begun.charged = quantities
        try:
            recorded = commit(self._ledger, entry, self._spool)
        except RequestIdRefused:
            begun.charged = None
            raise
        if recorded.billed is Billed.REPLAY:
            begun.charged = None
        admitted.timings["meter"] = time.perf_counter() - started
        return recorded

    def _on_version(self, admitted: Admitted, version: str) -> Admitted:
        """A retry is answered by the version that answered first, wherever its alias points now."""
        call = admitted.call
        try:
            first = self.catalog.resolve(call.model, version)
            pinned = self._admit_to(first, call, admitted.started)
        except (UnknownVersion, ModelUnavailable) as error:
            raise RecordedVersionGone(call.model, version) from error
        pinned.timings |= {"meter": admitted.timings.get("meter", 0.0)}
        pinned.permit = admitted.permit
        return pinned

    def _again(
        self,
        admitted: Admitted,
        deliver: Callable[[Call, InferenceResult], Delivery[Delivered]],
    ) -> tuple[Delivery[Delivered], InferenceResult]:
        return _deliver(admitted, self._executor.run_one(admitted), deliver)


def _deliver(
    admitted: Admitted,
    arrays: list[NDArray[Any]],
    deliver: Callable[[Call, InferenceResult], Delivery[Delivered]],
) -> tuple[Delivery[Delivered], InferenceResult]:
    version = admitted.model.version
    result = InferenceResult(
        model=version.model,
        version=version.version,
        outputs=tuple(
            [
                Tensor(name, datatype_of(array), array)
                for name, array in zip(admitted.outputs, arrays, strict=True)
            ]
        ),
        signature=admitted.model.manifest.signature,
        id=admitted.call.request.id,
    )
    started = time.perf_counter()
    delivery = deliver(admitted.call, result)
    admitted.timings["encode"] = time.perf_counter() - started
    return delivery, result
