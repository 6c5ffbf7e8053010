"""The sealing job through the real handler, over moto, and its death at every call."""

from __future__ import annotations

from contextlib import suppress
from enum import Enum
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from botocore.client import BaseClient
from botocore.exceptions import EndpointConnectionError

import infermeter.adapters.usage
from infermeter.errors import InfermeterError, MalformedEvent
from infermeter.metering.findings import FindingKind
from infermeter.metering.fold import fold
from infermeter.metering.hours import after
from infermeter.metering.ids import RequestId
from tests.functions.books import SETTLED_S, Books, at, stream_event
from tests.unit.metering.test_fold import HOUR, charge

if TYPE_CHECKING:
    from tests.cloud import Cloud

NEXT = after(HOUR)
FIRST = {"until": HOUR}
ENTRIES = [
    *(charge(number, model=f"m{number}") for number in range(3)),
    charge(request_id=RequestId("order#17/a", None), units=4),
    at(1, 1),
]


@pytest.fixture
def books(cloud: Cloud) -> Books:
    made = Books(cloud)
    made.put(*ENTRIES)
    made.clock.now = SETTLED_S + 3600
    return made


def test_hours_are_sealed_with_the_rows_of_both_folds(books: Books) -> None:
    books.archive()
    report = books.fold()
    assert report["sealed"] == [
        {"tenant": "a", "hour": HOUR, "entries": 4},
        {"tenant": "a", "hour": NEXT, "entries": 1},
    ]
    assert report["open"] == report["disagreements"] == report["failures"] == []
    wiring = books.cloud.wiring
    for hour in (HOUR, NEXT):
        folded = fold("a", hour, ENTRIES)
        assert tuple(wiring.usage_store.rows("a", hour, after(hour))) == folded.rows
        (seal,) = wiring.usage_store.seals("a", hour, after(hour))
        assert seal.summary == folded.summary
        assert wiring.manifests.read("a", hour, seal.manifest) == folded.identities
    assert wiring.usage_store.watermark("b") == after(NEXT)
    assert books.fold()["sealed"] == []


def test_until_and_what_is_not_settled(books: Books) -> None:
    books.archive()
    assert [each["hour"] for each in books.fold({"until": HOUR})["sealed"]] == [HOUR]
    books.clock.now -= 1
    assert books.fold()["sealed"] == []


def test_a_run_without_time_leaves_everything_open(books: Books) -> None:
    books.archive()
    report = books.fold(remaining_ms=20_000)
    assert report["sealed"] == []
    assert {each["tenant"] for each in report["open"]} == {"a", "b"}
    assert len(books.fold()["sealed"]) == 2


def test_an_archive_that_lacks_an_entry_is_told_and_repaired(
    books: Books, caplog: pytest.LogCaptureFixture
) -> None:
    books.archive(stream_event(*books.cloud.ledger_items()[1:]))
    books.clock.now += 2 * 3600
    (difference,) = books.fold()["disagreements"]
    hour = difference["hour"]
    assert difference["table"]["entries"] - difference["archive"]["entries"] == 1
    assert "the folds of an hour differ" in caplog.messages
    (found,) = books.cloud.wiring.findings.of_kind(FindingKind.UNSEALED, 0, 2**33)
    assert found.details == {"hour": hour}
    assert books.fold({"repair": hour}) == {"repaired": hour, "entries": 1}
    books.fold()
    assert books.cloud.wiring.usage_store.watermark("a") == after(NEXT, 3)
    seals = books.cloud.wiring.usage_store.seals("a", HOUR, after(NEXT))
    assert [seal.summary for seal in seals] == [
        fold("a", hour, ENTRIES).summary for hour in (HOUR, NEXT)
    ]


@pytest.mark.parametrize("hour", ["", "2026", "20260101", "2026010125", "202601010", None, 7])
def test_an_hour_that_is_none_is_refused(books: Books, hour: object) -> None:
    for name in ("until", "repair"):
        with pytest.raises(MalformedEvent, match=f"{name}: expected an hour as yyyymmddhh"):
            books.fold({name: hour})


class End(Enum):
    """How the call ends at which the run is disturbed."""

    DIES_BEFORE = "the process dies before it"
    DIES_AFTER = "applied, and the process dies"
    FAILS = "not applied, and no answer"
    UNANSWERED = "applied, and no answer"


class Died(BaseException):
    """The process is gone."""


class Disturbance:
    """Lets calls of AWS pass until the one that ends as told."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, index: int, end: End | None) -> None:
        self.calls, self.index, self.end = 0, index, end
        original = BaseClient._make_api_call

        def call(client: Any, operation: str, arguments: Any) -> Any:
            mine = self.calls == self.index
            self.calls += 1
            if mine and self.end is End.DIES_BEFORE:
                raise Died
            if mine and self.end is End.FAILS:
                raise EndpointConnectionError(endpoint_url=operation)
            answer = original(client, operation, arguments)
            if mine and self.end is End.DIES_AFTER:
                raise Died
            if mine and self.end is End.UNANSWERED:
                raise EndpointConnectionError(endpoint_url=operation)
            return answer

        monkeypatch.setattr(BaseClient, "_make_api_call", call)


def state(books: Books) -> dict[tuple[str, str], Any]:
    """The usage table, but for when a seal was made."""
    client = boto3.client("dynamodb")
    items = client.scan(TableName=books.cloud.resources.usage_table)["Items"]
    return {
        (item["pk"]["S"], item["sk"]["S"]): {
            name: value for name, value in item.items() if name != "at"
        }
        for item in items
    }


def forget(books: Books) -> None:
    """No hour was ever sealed."""
    client, s3 = boto3.client("dynamodb"), boto3.client("s3")
    for pk, sk in state(books):
        where = {"pk": {"S": pk}, "sk": {"S": sk}}
        client.delete_item(TableName=books.cloud.resources.usage_table, Key=where)
    bucket = books.cloud.resources.archive_bucket
    for each in s3.list_objects_v2(Bucket=bucket, Prefix="seals/").get("Contents", ()):
        s3.delete_object(Bucket=bucket, Key=each["Key"])


def check_no_hour_is_half_sealed(books: Books) -> None:
    usage = books.cloud.wiring.usage_store
    for hour in (HOUR, NEXT):
        shown = tuple(usage.rows("a", hour, after(hour)))
        seals = list(usage.seals("a", hour, after(hour)))
        assert len(seals) == int(usage.watermark("a") > hour)
        assert shown == (fold("a", hour, ENTRIES).rows if seals else ())


@pytest.mark.parametrize("end", End)
def test_a_run_that_is_disturbed_anywhere_is_made_good_by_the_next(
    books: Books, monkeypatch: pytest.MonkeyPatch, end: End
) -> None:
    books.clock.now = SETTLED_S
    # Two rows at once, so that there are parts to die between.
    monkeypatch.setattr(infermeter.adapters.usage, "ROWS_AT_ONCE", 2)
    books.archive()
    with monkeypatch.context() as patched:
        calls = Disturbance(patched, -1, None)
        books.fold(FIRST)
    expected = state(books)
    assert sum(sk.startswith("H#") for _, sk in expected) == 4
    assert calls.calls > 15
    for index in range(calls.calls):
        forget(books)
        with monkeypatch.context() as patched:
            Disturbance(patched, index, end)
            with suppress(Died, InfermeterError):
                books.fold(FIRST)
        check_no_hour_is_half_sealed(books)
        sealed = {place: item for place, item in state(books).items() if _is_final(place, books)}
        books.fold(FIRST)
        assert state(books) == expected, index
        assert sealed.items() <= expected.items(), index


def _is_final(place: tuple[str, str], books: Books) -> bool:
    pk, sk = place
    if sk == "WATERMARK":
        return False
    watermark = books.cloud.wiring.usage_store.watermark("a")
    return (sk if pk.startswith("S#") else pk[-6:] + sk[2:6]) < watermark


def test_two_runs_at_once_seal_once(books: Books, monkeypatch: pytest.MonkeyPatch) -> None:
    """The second run goes from beginning to end within each call of the first."""
    monkeypatch.setattr(infermeter.adapters.usage, "ROWS_AT_ONCE", 2)
    books.archive()
    with monkeypatch.context() as patched:
        calls = Disturbance(patched, -1, None)
        books.fold(FIRST)
    expected = state(books)
    original = BaseClient._make_api_call
    for index in range(calls.calls):
        forget(books)
        made = 0

        def call(client: Any, operation: str, arguments: Any, at: int = index) -> Any:
            nonlocal made
            made += 1
            if made == at + 1:
                books.fold(FIRST)
            return original(client, operation, arguments)

        with monkeypatch.context() as patched:
            patched.setattr(BaseClient, "_make_api_call", call)
            books.fold(FIRST)
        assert state(books) == expected, index
