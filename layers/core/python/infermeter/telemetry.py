"""What a function tells of its work: one line of JSON per request.

The line is a log record and, by CloudWatch's embedded metric format (EMF), its metrics at once:
the format lets a line hold more than metrics. Powertools' Logger and Metrics would write two lines
and take longer than all the rest of a small request.
https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
"""

from __future__ import annotations

import os
import sys
import time
import traceback
from typing import TYPE_CHECKING, Any

import orjson

from infermeter.errors import Defect
from infermeter.metering.ledger import Billed

if TYPE_CHECKING:
    from infermeter.api.exchange import Exchange
    from infermeter.batch import Outcome
    from infermeter.service import Served

_SERVICE = os.environ.get("POWERTOOLS_SERVICE_NAME", "infermeter")
_NAMESPACE = os.environ.get("POWERTOOLS_METRICS_NAMESPACE", "infermeter")
# A model that is not there may have any name.
_MODEL_CHARACTERS = 64
_COUNTS = ("Requests", "Replays", "Units", "ColdStart", "Refused")


def _directive(*dimensions: str) -> list[dict[str, Any]]:
    metrics = [{"Name": name, "Unit": "Count"} for name in _COUNTS]
    metrics.append({"Name": "Latency", "Unit": "Milliseconds"})
    return [{"Namespace": _NAMESPACE, "Dimensions": [[*dimensions]], "Metrics": metrics}]


# Only models that exist become dimensions: names that callers make up would each cost money.
_SERVED, _REFUSED = _directive("service", "model"), _directive("service")


def record_exchange(exchange: Exchange, *, seconds: float, cold: bool) -> None:
    """The line of a request, never with its key or its tensors."""
    principal, error = exchange.principal, exchange.error
    milliseconds = round(seconds * 1000, 2)
    facts: dict[str, Any] = {
        "endpoint": exchange.endpoint,
        "model": exchange.model[:_MODEL_CHARACTERS],
        "request_id": exchange.request_id,
        "gateway_id": exchange.request.gateway_id,
        "tenant": principal and principal.tenant,
        "key_id": principal and principal.key_id,
        "status": exchange.response.status,
        "milliseconds": milliseconds,
        "cold": cold,
    }
    counts: dict[str, Any] = {"ColdStart": int(cold)}
    if exchange.served is not None:
        counts["Latency"] = milliseconds
    elif error is not None:
        counts["Refused"] = 1
    if error is not None:
        facts["error"] = f"{type(error).__name__}: {error}"
    _write("request", facts, counts, exchange.served)


def record_outcome(outcome: Outcome) -> None:
    """The line of a queued message."""
    principal, error = outcome.principal, outcome.error
    facts: dict[str, Any] = {
        "message_id": outcome.message.id,
        "fate": outcome.fate,
        "request_id": outcome.request_id,
        "tenant": principal and principal.tenant,
        "key_id": principal and principal.key_id,
    }
    counts = {} if outcome.served is not None else {"Refused": 1}
    if error is not None:
        facts["error"] = f"{type(error).__name__}: {error}"
    _write("message", facts, counts, outcome.served)
    if isinstance(error, Defect) and error.__cause__ is not None:
        record_defect(error.__cause__)


def record_defect(error: BaseException) -> None:
    """An error that nothing here foresaw, with its trace."""
    trace = "".join(traceback.format_exception(error))
    _print(
        {
            "level": "ERROR",
            "message": "internal error",
            "service": _SERVICE,
            # A caller's half of a surrogate pair may be in it, which no line of JSON can hold.
            "exception": trace.encode(errors="replace").decode(),
        }
    )


def _write(
    message: str, facts: dict[str, Any], counts: dict[str, Any], served: Served[Any] | None
) -> None:
    line: dict[str, Any] = {
        "level": "INFO",
        "message": message,
        "service": _SERVICE,
        "_aws": {
            "Timestamp": int(time.time() * 1000),
            "CloudWatchMetrics": _REFUSED if served is None else _SERVED,
        },
        **counts,
        "request": facts,
    }
    if served is not None:
        # One that is pending is charged once its entry comes out of the spool.
        new = served.billed is not Billed.REPLAY
        facts["model"] = line["model"] = served.result.model
        facts["version"] = served.result.version
        facts["units"], facts["billed"] = served.units, served.billed.value
        line["Requests"], line["Replays"] = int(new), int(not new)
        line["Units"] = served.units if new else 0
    _print(line)


def _print(line: dict[str, Any]) -> None:
    # Past the text layer, which would decode, encode and look for line ends again.
    out = sys.stdout.buffer
    out.write(orjson.dumps(line, option=orjson.OPT_APPEND_NEWLINE))
    out.flush()
