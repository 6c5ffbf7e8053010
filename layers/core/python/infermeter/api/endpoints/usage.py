"""What a tenant used, what a request was charged, what a month comes to, what limits a key.

A key sees the usage of the models that its scopes name. A statement is of all models, so it is for
keys that see all.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from itertools import islice
from typing import TYPE_CHECKING

import orjson

from infermeter.api.negotiation import Format, negotiate
from infermeter.api.packing import pack
from infermeter.api.rendering import JSON
from infermeter.billing.documents import statement_document
from infermeter.errors import InvalidField, UnknownRequest
from infermeter.metering.usage import Dimension, UsageQuery
from infermeter.metering.windows import month_period
from infermeter.tenants.scopes import Action
from infermeter.wire.csv_table import MEDIA_TYPE as CSV
from infermeter.wire.excerpts import shown
from infermeter.wire.limits_document import limits_document
from infermeter.wire.parameters import Parameters
from infermeter.wire.statement import statement_csv
from infermeter.wire.statement_page import MEDIA_TYPE as HTML
from infermeter.wire.statement_page import POLICY, statement_page
from infermeter.wire.usage import request_document, usage_csv, usage_document
from infermeter.wire.usage_query import decode_usage_query, encode_place

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from infermeter.api.exchange import Endpoint, Exchange
    from infermeter.billing.statements import Statements
    from infermeter.metering.requests import Requests
    from infermeter.metering.usage import Usage, Used
    from infermeter.wire.http import HttpResponse

# Which models a key that sees all of them may see.
ALL_MODELS = "*"
_MONTH = re.compile(r"2[0-9]{3}-(0[1-9]|1[0-2])")


class UsageEndpoints:
    """Answers from the caller's own tenant alone: it comes from the key."""

    def __init__(
        self,
        usage: Usage,
        requests: Requests,
        statements: Statements,
        clock: Callable[[], float],
    ) -> None:
        self._usage, self._requests, self._statements = usage, requests, statements
        self._clock = clock

    def endpoints(self) -> Mapping[str, Endpoint]:
        """By name."""
        return {
            "usage": self._rows,
            "usage_request": self._request,
            "statement": self._statement,
            "usage_limits": self._limits,
        }

    def _rows(self, exchange: Exchange) -> HttpResponse:
        caller, request = exchange.caller(), exchange.request
        form = negotiate(request, Format.JSON, Format.CSV)
        asked = decode_usage_query(
            request.query,
            tenant=caller.tenant,
            allowed=lambda model: caller.scopes.allow(Action.USAGE, model),
            now=self._clock(),
        )
        watermark = self._usage.watermark(caller.tenant)
        # One more tells whether there are more.
        found = list(islice(self._usage.used(asked.query, watermark), asked.limit + 1))
        rows = found[: asked.limit]
        more = encode_place(rows[-1].place) if len(found) > len(rows) else None
        if form is Format.CSV:
            headers = {"infermeter-next-after": more} if more else {}
            return _answer(exchange, usage_csv(rows), CSV, **headers)
        document = usage_document(asked.query, rows, watermark=watermark, next_after=more)
        return _answer(exchange, orjson.dumps(document), JSON)

    def _request(self, exchange: Exchange) -> HttpResponse:
        Parameters(exchange.request.query, ())
        caller, request_id = exchange.caller(), _named(exchange, "request_id")
        found = self._requests.find(caller.tenant, request_id)
        if not caller.scopes.allow(Action.USAGE, found.charge.model):
            raise UnknownRequest(request_id)
        return _answer(exchange, orjson.dumps(request_document(found)), JSON)

    def _statement(self, exchange: Exchange) -> HttpResponse:
        Parameters(exchange.request.query, ("format",))
        form = negotiate(exchange.request, Format.JSON, Format.CSV, Format.HTML)
        caller, month = exchange.caller(), _named(exchange, "month")
        caller.scopes.require(Action.USAGE, ALL_MODELS)
        if not _MONTH.fullmatch(month):
            raise InvalidField("month", expected="one as YYYY-MM", got=shown(month))
        statement = self._statements.of(caller.tenant, month.replace("-", ""))
        if form is Format.CSV:
            return _answer(exchange, statement_csv(statement), CSV)
        if form is Format.HTML:
            policy = {"content-security-policy": POLICY}
            return _answer(exchange, statement_page(statement), HTML, **policy)
        return _answer(exchange, orjson.dumps(statement_document(statement)), JSON)

    def _limits(self, exchange: Exchange) -> HttpResponse:
        Parameters(exchange.request.query, ())
        caller = exchange.caller()
        month = month_period(f"{datetime.fromtimestamp(self._clock(), UTC):%Y%m}")
        used: list[Used] = []
        # The month is read for those alone who have a budget to compare it with.
        if any(each.limits.budget for each in caller.limited):
            query = UsageQuery(caller.tenant, month, dimensions=(Dimension.KEY,))
            used = list(self._usage.used(query, self._usage.watermark(caller.tenant)))
        return _answer(exchange, orjson.dumps(limits_document(caller, used, month)), JSON)


def _named(exchange: Exchange, name: str) -> str:
    assert exchange.match is not None  # noqa: S101  only a route leads here
    return exchange.match.names[name]


def _answer(exchange: Exchange, body: bytes, kind: str, **more: str) -> HttpResponse:
    """What is a tenant's own is kept nowhere on the way, and is never taken for another type."""
    headers = {
        "content-type": kind,
        "cache-control": "no-store",
        "x-content-type-options": "nosniff",
        **more,
    }
    return pack(body, headers, exchange.request.headers)
