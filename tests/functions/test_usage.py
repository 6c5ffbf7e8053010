"""The usage API through its function, over an account in the process."""

from __future__ import annotations

import csv
import io
import json
import time
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import pytest

from infermeter.billing.plans import Plan, Price, Tier
from infermeter.billing.statements import month_text
from infermeter.limits.terms import Budget, Limits, Rate
from infermeter.metering.fold import fold
from infermeter.metering.hours import after, hour_of, start_of
from infermeter.metering.ids import recorded_id
from infermeter.metering.ledger import Kind
from infermeter.metering.measures import Measure
from infermeter.metering.seal import Seal
from infermeter.metering.windows import Period, Window, month_period
from infermeter.tenants.administration import KeyTerms
from infermeter.tenants.scopes import Scopes, parse_scope
from infermeter.wiring.operator import OperatorWiring
from tests.cloud import Context, proxy_event
from tests.functions.site import Answer
from tests.unit.metering.test_fold import charge
from tests.unit.openapi.documents import named, written

if TYPE_CHECKING:
    from tests.cloud import Cloud

DOCUMENT = written()


@dataclass
class Meter:
    """The usage function, a key, and the ledger behind it."""

    cloud: Cloud
    tenant: str = "acme"
    now: float = field(default_factory=time.time)

    def __post_init__(self) -> None:
        self.key = self.cloud.wiring.key_administration.create(self.tenant)
        self.hour = hour_of(int(self.now * 1000))
        self.handler = self.cloud.function("usage").handler

    def charge(self, hours_ago: int = 0, number: int = 0, **changes: Any) -> str:
        """Puts an entry of the key's; its id."""
        committed = int((self.now - 3600 * hours_ago) * 1000)
        entry = replace(
            charge(1000 * hours_ago + number, tenant=self.tenant, key_id=self.key.id),
            committed_ms=committed,
            **changes,
        )
        # Past the guard that refuses what is not of now.
        self.cloud.wiring.ledger_reader._clock = lambda: committed / 1000
        assert self.cloud.wiring.ledger_reader.put(entry) is None
        return entry.request_id.text

    def seal(self, since: str, until: str) -> None:
        """Seals hours as the fold does, whatever the tenant's own first hour."""
        store, reader = self.cloud.wiring.usage_store, self.cloud.wiring.ledger_reader
        assert store.pass_over(self.tenant, store.watermark(self.tenant), since)
        for each in Period(since, until).split(Window.HOUR):
            folded = fold(self.tenant, each.start, reader.committed(self.tenant, each.start))
            seal = Seal(self.tenant, each.start, folded.summary, int(self.now))
            assert store.seal(seal, folded.rows)

    def get(self, path: str, *, query: Any = None, headers: Any = None, key: str = "") -> Answer:
        """Asks with the key, as a gateway passes it on."""
        query = {name: [v] if isinstance(v, str) else v for name, v in (query or {}).items()}
        event = proxy_event(
            "GET", path, headers={"x-api-key": key or self.key.text()} | (headers or {})
        )
        event["multiValueQueryStringParameters"] = query or None
        event["queryStringParameters"] = {name: v[-1] for name, v in query.items()} or None
        answer = json.loads(json.dumps(self.handler(event, Context())))
        return Answer(answer["statusCode"], answer["headers"], answer["body"].encode())

    def usage(self, **query: Any) -> Any:
        """Rows as JSON, once they are as the document says."""
        if "since" in query:
            query["from"] = query.pop("since")
        answer = self.get("/v1/usage", query=query)
        assert answer.status == 200, answer.body
        assert named(DOCUMENT, "Usage").is_valid(answer.json)
        return answer.json

    def refused(self, path: str, status: int, **more: Any) -> dict[str, Any]:
        """The error in OpenAI's shape."""
        answer = self.get(path, **more)
        assert answer.status == status, answer.body
        assert list(answer.json["error"]) == ["message", "type", "param", "code"]
        error: dict[str, Any] = answer.json["error"]
        return error


@pytest.fixture
def meter(cloud: Cloud) -> Meter:
    return Meter(cloud)


def iso(hour: str) -> str:
    return f"{hour[:4]}-{hour[4:6]}-{hour[6:8]}T{hour[8:]}:00:00Z"


def test_what_was_charged_is_told_at_once_and_is_not_final(meter: Meter) -> None:
    meter.charge(units=3)
    found = meter.usage(window="hour")
    assert found["watermark"] is None
    assert found["data"] == [
        {
            "start": iso(meter.hour),
            "end": iso(after(meter.hour)),
            "key_id": meter.key.id,
            "model": "m",
            "version": "1",
            "unit": "row",
            "price": None,
            "requests": 1,
            "units": 3,
            "rows": 1,
            "tokens": 0,
            "bytes_in": 1,
            "bytes_out": 1,
            "milliseconds": 1,
            "final": False,
        }
    ]


def test_sealed_hours_are_final_and_come_from_their_rows(meter: Meter) -> None:
    meter.charge(hours_ago=3)
    sealed = after(meter.hour, -3)
    meter.seal(sealed, after(sealed))
    meter.charge(hours_ago=0)
    found = meter.usage(since=iso(sealed), to=iso(after(meter.hour)), window="hour")
    assert found["watermark"] == iso(after(sealed))
    assert [(row["start"], row["final"]) for row in found["data"]] == [
        (iso(sealed), True),
        (iso(meter.hour), False),
    ]


def test_times_are_aligned_outward_and_that_is_shown(meter: Meter) -> None:
    asked = {"since": "2026-03-01T10:15:00Z", "to": "2026-03-01 12:00:01".replace(" ", "T")}
    found = meter.usage(**asked)
    assert (found["from"], found["to"]) == ("2026-03-01T10:00:00Z", "2026-03-01T13:00:00Z")
    assert meter.usage(since="2026-03-01", to="1772496000")["to"] == "2026-03-03T00:00:00Z"


def test_by_default_it_is_the_present_month_by_day(meter: Meter) -> None:
    found = meter.usage()
    now = datetime.now(UTC)
    assert found["from"] == f"{now:%Y-%m}-01T00:00:00Z"
    assert (found["window"], found["group_by"]) == ("day", ["key", "model", "version"])


def test_another_tenants_usage_is_not_shown(meter: Meter) -> None:
    Meter(meter.cloud, "other").charge()
    assert meter.usage()["data"] == []


def test_groups_are_summed_over_what_is_not_asked_for(meter: Meter) -> None:
    for number, (model, version) in enumerate([("m", "1"), ("m", "2"), ("n", "1")]):
        meter.charge(number=number, model=model, version=version)
    rows = meter.usage(group_by="model")["data"]
    assert [(row["model"], row["version"], row["units"]) for row in rows] == [
        ("m", None, 2),
        ("n", None, 1),
    ]
    assert len(meter.usage(group_by=["model", "version"])["data"]) == 3
    assert len(meter.usage(group_by="")["data"]) == 1


def test_pages_join_to_the_whole(meter: Meter) -> None:
    for number in range(5):
        meter.charge(number=number, model=f"m{number}")
    whole = meter.usage()["data"]
    page = meter.usage(limit="2")
    rows = page["data"]
    while page["has_more"]:
        page = meter.usage(limit="2", after=page["next_after"])
        rows += page["data"]
    assert rows == whole
    assert page["next_after"] is None
    table = meter.get("/v1/usage", query={"limit": "2", "format": "csv"})
    assert table.headers["infermeter-next-after"] == meter.usage(limit="2")["next_after"]


@pytest.mark.parametrize(
    ("query", "param", "words"),
    [
        ({"from": "yesterday"}, "from", "ISO 8601"),
        ({"to": "1999-12-31"}, "to", "from 2000"),
        ({"from": "99999999999999999999"}, "from", "ISO 8601"),
        ({"from": "2026-02-01", "to": "2026-02-01"}, "from", "before 'to'"),
        ({"from": "2025-01-01", "to": "2026-01-01", "window": "hour"}, "from", "92 days"),
        ({"window": "week"}, "window", "one of hour, day, month, total"),
        ({"group_by": "key,colour"}, "group_by", "colour"),
        ({"limit": "0"}, "limit", "1 to 10000"),
        ({"limit": "1e3"}, "limit", "1 to 10000"),
        ({"after": "x"}, "after", "next_after"),
        ({"after": "WyJhIl0="}, "after", "next_after"),
        ({"format": "xml"}, "format", "one of json, csv"),
        ({"limit": ["1", "2"]}, "limit", "one value"),
        ({"groupby": "key"}, "query", "groupby"),
    ],
)
def test_a_wrong_parameter_is_named(meter: Meter, query: Any, param: str, words: str) -> None:
    error = meter.refused("/v1/usage", 400, query=query)
    assert error["param"] == param
    assert words in error["message"]


@pytest.mark.parametrize("how", [{"query": {"format": "csv"}}, {"headers": {"Accept": "text/csv"}}])
def test_rows_as_csv(meter: Meter, how: Any) -> None:
    meter.charge(units=3, model="-cmd")
    answer = meter.get("/v1/usage", **how)
    assert answer.headers["content-type"].startswith("text/csv")
    assert answer.body.endswith(b"\r\n")
    (row,) = csv.DictReader(io.StringIO(answer.body.decode(), newline=""))
    # A spreadsheet takes what begins so for a formula.
    assert (row["model"], row["units"], row["final"]) == ("'-cmd", "3", "false")


def test_a_requests_entry_is_shown(meter: Meter) -> None:
    request_id = meter.charge(units=3, reason="")
    answer = meter.get(f"/v1/usage/requests/{request_id}")
    assert answer.status == 200
    assert named(DOCUMENT, "UsageOfRequest").is_valid(answer.json)
    assert answer.json["net"]["units"] == 3
    assert answer.json["final"] is False
    assert b"nonce" not in answer.body
    assert b"payload_hash" not in answer.body


def test_a_void_is_shown_with_the_net(meter: Meter) -> None:
    request_id = meter.charge(units=3)
    void = {"kind": Kind.ADJUSTMENT, "requests": -1, "units": -3, "rows": -1, "reason": "lost"}
    meter.charge(**void)
    found = meter.get(f"/v1/usage/requests/{request_id}").json
    (adjustment,) = found["adjustments"]
    assert (adjustment["reason"], adjustment["units"]) == ("lost", -3)
    assert (found["net"]["requests"], found["net"]["units"]) == (0, 0)
    assert meter.usage()["data"][0]["requests"] == 0


@pytest.mark.parametrize("text", ["order/17?a=b#c", "a%2Fb", "%", "a//b", "../x", "~!$&'()*+,;=:@"])
def test_an_id_of_ones_own_is_percent_encoded(meter: Meter, text: str) -> None:
    meter.charge(request_id=recorded_id(text))
    answer = meter.get(f"/v1/usage/requests/{quote(text, safe='')}")
    assert answer.json["id"] == text


@pytest.mark.parametrize("text", ["nonesuch", "x" * 200, quote("ż"), "%20"])
def test_an_id_that_was_not_charged_is_404(meter: Meter, text: str) -> None:
    meter.refused(f"/v1/usage/requests/{text}", 404)


def test_another_tenants_request_is_404(meter: Meter) -> None:
    request_id = Meter(meter.cloud, "other").charge()
    meter.refused(f"/v1/usage/requests/{request_id}", 404)


def test_a_statement_in_each_format(meter: Meter) -> None:
    meter.charge(units=3)
    path = f"/v1/usage/statements/{meter.hour[:4]}-{meter.hour[4:6]}"
    answer = meter.get(path)
    assert named(DOCUMENT, "Statement").is_valid(answer.json)
    assert [(line["kind"], line["quantity"]) for line in answer.json["lines"]] == [("unpriced", 3)]
    table = meter.get(path, query={"format": "csv"}).body.decode()
    assert len(list(csv.DictReader(io.StringIO(table, newline="")))) == 1
    page = meter.get(path, headers={"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"})
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert "script-src" not in page.headers["content-security-policy"]
    assert page.body.startswith(b"<!doctype html>")


@pytest.mark.parametrize(
    ("month", "status"),
    [("2026-13", 400), ("202611", 400), ("x", 400), ("2999-01", 404), ("2001-01", 404)],
)
def test_a_month_that_has_no_statement(meter: Meter, month: str, status: int) -> None:
    assert "expected" in meter.refused(f"/v1/usage/statements/{month}", status)["message"]


def limits(meter: Meter, key: str = "") -> Any:
    answer = meter.get("/v1/usage/limits", key=key)
    assert answer.status == 200, answer.body
    assert named(DOCUMENT, "UsageLimits").is_valid(answer.json)
    return answer.json


def test_no_limits_are_told_of_a_key_that_has_none(meter: Meter) -> None:
    found = limits(meter)
    assert (found["tenant"], found["key_id"]) == ("acme", meter.key.id)
    assert [(each["rate"], each["budget"]) for each in found["limits"]] == []


def test_limits_are_told_with_what_was_used_of_them(meter: Meter) -> None:
    wiring = meter.cloud.wiring
    wiring.tenant_administration.limit("acme", Limits(rate=Rate(5, 10), budget=Budget(100)))
    terms = KeyTerms(limits=Limits(budget=Budget(50, Measure.REQUEST)))
    key = wiring.key_administration.create("acme", terms)
    meter.charge(units=30)
    meter.charge(number=1, units=4, key_id=key.id)
    of_key, of_tenant = limits(meter, key.text())["limits"]
    assert (of_key["of"], of_key["name"], of_key["rate"]) == ("key", key.id, None)
    assert (of_key["budget"]["measure"], of_key["budget"]["used"]) == ("request", 1)
    assert of_tenant["rate"] == {"per_s": 5, "burst": 10}
    assert (of_tenant["budget"]["used"], of_tenant["budget"]["remaining"]) == (34, 66)


def scoped(meter: Meter, *scopes: str) -> str:
    terms = KeyTerms(scopes=Scopes(tuple(map(parse_scope, scopes))))
    return meter.cloud.wiring.key_administration.create("acme", terms).text()


def test_a_key_sees_the_usage_of_its_models_alone(meter: Meter) -> None:
    meter.charge(number=1, model="team-a")
    other = meter.charge(number=2, model="other")
    key = scoped(meter, "usage:team-*")
    rows = meter.get("/v1/usage", key=key).json["data"]
    assert [row["model"] for row in rows] == ["team-a"]
    meter.refused(f"/v1/usage/requests/{other}", 404, key=key)
    month = f"{meter.hour[:4]}-{meter.hour[4:6]}"
    assert "usage" in meter.refused(f"/v1/usage/statements/{month}", 403, key=key)["message"]
    assert meter.get(f"/v1/usage/statements/{month}", key=scoped(meter, "usage:*")).status == 200


def test_a_key_for_inference_sees_no_usage(meter: Meter) -> None:
    key = scoped(meter, "infer:*")
    for path in ("/v1/usage", "/v1/usage/limits", "/v1/usage/requests/x"):
        meter.refused(path, 403, key=key)


def test_who_is_suspended_still_sees_what_it_used(meter: Meter) -> None:
    meter.charge()
    meter.cloud.wiring.tenant_administration.suspend("acme", "unpaid")
    assert len(meter.usage()["data"]) == 1


def test_a_priced_month_adds_up(meter: Meter) -> None:
    tier = Tier(None, Decimal("0.0125"))
    plan = Plan("pro", 0, "EUR", Decimal("9.90"), (Price("*", Measure.UNIT, (tier,)),))
    wiring = meter.cloud.wiring
    wiring.plan_administration.put(plan)
    wiring.tenant_administration.assign("acme", "pro")
    meter.charge(units=3, price="pro:1")
    path = f"/v1/usage/statements/{meter.hour[:4]}-{meter.hour[4:6]}"
    found = meter.get(path).json
    assert [line["amount"] for line in found["lines"]] == ["0.04", "9.90"]
    assert (found["currency"], found["total"]) == ("EUR", "9.94")


@pytest.mark.parametrize("path", ["/v1/usage", "/v1/usage/requests/x", "/v1/usage/limits"])
def test_a_key_is_needed(meter: Meter, path: str) -> None:
    assert meter.refused(path, 401, key="nonsense")["code"] == "invalid_api_key"


def test_what_is_a_tenants_own_is_kept_nowhere(meter: Meter) -> None:
    assert meter.get("/v1/usage").headers["cache-control"] == "no-store"


def test_a_route_of_the_data_plane_is_unknown_here(meter: Meter) -> None:
    assert meter.get("/v2/models").status == 404


def test_the_fold_keeps_a_months_statement_and_it_is_served_from_then_on(cloud: Cloud) -> None:
    now = time.time()
    month = month_period(f"{datetime.fromtimestamp(now, UTC):%Y%m}")
    before = start_of(month.start).timestamp() - 3600
    OperatorWiring(cloud.resources, clock=lambda: before).key_administration.create("acme")
    meter = Meter(cloud)
    last = after(month.start, -1)
    meter.charge(hours_ago=int((now - before) / 3600), units=3)
    meter.seal(last, month.start)
    report = cloud.function("fold").handler({"until": last}, Context(60_000))
    assert report["statements"] == [{"tenant": "acme", "month": month_text(last[:6])}]
    path = f"/v1/usage/statements/{month_text(last[:6])}"
    kept = meter.get(path).json
    assert (kept["final"], kept["lines"][0]["quantity"]) == (True, 3)
    cloud.wiring.clients.s3().delete_object(
        Bucket=cloud.resources.archive_bucket, Key=f"statements/acme/{kept['month']}.json"
    )
    made_anew = meter.get(path).json
    assert made_anew["usage_digest"] == kept["usage_digest"]
    assert made_anew["lines"] == kept["lines"]
