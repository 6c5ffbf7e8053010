"""The one path, for several calls at once."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from infermeter.errors import InfermeterError, ModelFailed, TooLarge, UnknownModel
from infermeter.inference import InferenceRequest, InferenceResult
from infermeter.metering.ids import Channel, RequestId
from infermeter.metering.sharding import ShardChange, Sharding
from infermeter.service import Call, Delivery, Served
from infermeter.tenants.authentication import Principal
from infermeter.tensors import Tensor
from tests.ports import FP32, NOW, ROWS, MemoryLedger, World


def call(rows: list, *, id: str = "i", tenant: str = "acme", model: str = "scaling") -> Call:
    array = np.array(rows, "<f4").reshape(-1, 2)
    return Call(
        principal=Principal(tenant, "key"),
        request_id=RequestId(id, None),
        model=model,
        version=None,
        request=InferenceRequest((Tensor("x", FP32, array),)),
        payload_hash=array.tobytes().hex(),
        channel=Channel.SQS,
        bytes_in=1,
        deadline=NOW + 20,
    )


def deliver(made: Call, result: InferenceResult) -> Delivery[tuple[str, list]]:
    return Delivery((made.principal.tenant, result.outputs[0].array.tolist()), 1)


@pytest.fixture
def world() -> World:
    made = World(MemoryLedger())
    made.publish(2.0)
    return made


def test_a_charge_is_told_where_its_callers_ledger_has_it(world: World) -> None:
    sharding = Sharding((ShardChange("2026010100", 16),))
    asked = call([1, 2])
    world.service.infer(
        replace(asked, principal=replace(asked.principal, sharding=sharding)), deliver
    )
    (entry,) = world.service._ledger.entries.values()  # type: ignore[attr-defined]
    assert entry.sharding is sharding


rows = st.lists(st.tuples(st.integers(-3, 9), st.integers(0, 9)), max_size=4)
several = st.lists(st.tuples(st.sampled_from(["a", "b", "c"]), rows), max_size=8)


@given(several)
def test_together_each_gets_what_it_gets_alone(given_calls: list) -> None:
    calls = [
        call(each, id=str(number), tenant=tenant)
        for number, (tenant, each) in enumerate(given_calls)
    ]
    together, alone = World(MemoryLedger()), World(MemoryLedger())
    for made in (together, alone):
        made.publish(2.0)
    batched = together.service.infer_batch(calls, deliver)
    singly = [alone.service.infer_batch([each], deliver)[0] for each in calls]
    assert [_essence(each) for each in batched] == [_essence(each) for each in singly]
    assert together.ledger.entries.keys() == alone.ledger.entries.keys()


def _essence(outcome: Served | InfermeterError) -> object:
    if isinstance(outcome, InfermeterError):
        return str(outcome)
    return outcome.answer, outcome.units, outcome.billed


def test_calls_for_one_version_run_as_one(world: World) -> None:
    world.service.infer_batch([call([[1, 2]], id="1"), call([[3, 4]] * 2, id="2")], deliver)
    assert world.runtime.loaded[0].runs == [3]


def test_calls_that_run_as_one_bear_its_time_by_their_rows(world: World) -> None:
    # A price may be for milliseconds, and the others of a run are other tenants.
    few, many = world.service.infer_batch(
        [call([[1, 2]], id="1"), call([[3, 4]] * 3, id="2")], deliver
    )
    assert many.timings["infer"] == pytest.approx(3 * few.timings["infer"])
    assert few.timings["infer"] > 0
    none, none_too = world.service.infer_batch([call([], id="3"), call([], id="4")], deliver)
    assert none.timings["infer"] == none_too.timings["infer"] > 0


def test_calls_for_other_outputs_each_get_their_own(world: World) -> None:
    twice = replace(ROWS, outputs=(*ROWS.outputs, replace(ROWS.outputs[0], name="z")))
    world.publish(2.0, signature=twice, name="twice")
    plain = call([[1, 2]], id="1", model="twice")
    wanted = [("y",), ("z", "y"), ()]
    calls = [
        replace(
            plain, request_id=RequestId(str(n), None), request=replace(plain.request, outputs=w)
        )
        for n, w in enumerate(wanted)
    ]
    outcomes = world.service.infer_batch(calls, deliver)
    names = [tuple(tensor.name for tensor in each.result.outputs) for each in outcomes]
    assert names == [("y",), ("z", "y"), ("y", "z")]


def test_one_that_fails_does_not_fail_the_others(world: World) -> None:
    calls = [call([[1, 2]], id="1"), call([[-1, 2]], id="2"), call([[3, 4]], id="3")]
    good, bad, other = world.service.infer_batch(calls, deliver)
    assert good.answer == ("acme", [[2, 4]])
    assert isinstance(bad, ModelFailed)
    assert other.answer == ("acme", [[6, 8]])
    assert {e.request_id.text for e in world.ledger.entries.values()} == {"1", "3"}


def test_outcomes_come_in_the_order_of_calls(world: World) -> None:
    calls = [call([[1, 1]], id="1", model="nobody"), call([[1, 2]], id="2")]
    first, second = world.service.infer_batch(calls, deliver)
    assert isinstance(first, UnknownModel)
    assert second.answer == ("acme", [[2, 4]])


def test_an_answer_that_cannot_be_delivered_is_not_charged(world: World) -> None:
    def refuse(_: Call, __: InferenceResult) -> Delivery[None]:
        raise TooLarge("answer", limit=1, got=2, unit="bytes", remedy="none")

    with pytest.raises(TooLarge):
        world.service.infer(call([[1, 2]]), refuse)
    assert not world.ledger.entries


def test_the_answer_is_delivered_before_the_charge(world: World) -> None:
    def look(made: Call, result: InferenceResult) -> Delivery:
        assert not world.ledger.entries
        return deliver(made, result)

    world.service.infer(call([[1, 2]]), look)
    assert world.ledger.entries


def test_no_rows_cost_no_units(world: World) -> None:
    assert world.service.infer(call([]), deliver).units == 0
