"""What a function tells of its work: JSON logs, and CloudWatch metrics in embedded format (EMF)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics import MetricUnit

from infermeter.errors import Defect
from infermeter.metering.ledger import Billed

if TYPE_CHECKING:
    from infermeter.api.exchange import Exchange
    from infermeter.batch import Outcome
    from infermeter.service import Served

logger = Logger()
metrics = Metrics()


def record_exchange(exchange: Exchange, *, seconds: float, cold: bool) -> None:
    """One log line for a request, never with its key or its tensors, and its metrics."""
    principal = exchange.principal
    facts: dict[str, Any] = {
        "endpoint": exchange.endpoint,
        "model": exchange.model,
        "request_id": exchange.request_id,
        "gateway_id": exchange.request.gateway_id,
        "tenant": principal and principal.tenant,
        "key_id": principal and principal.key_id,
        "status": exchange.response.status,
        "milliseconds": round(seconds * 1000, 2),
        "cold": cold,
    }
    if exchange.served is not None:
        facts |= _account(exchange.served)
    if exchange.error is not None:
        facts["error"] = f"{type(exchange.error).__name__}: {exchange.error}"
    logger.info("request", extra={"request": facts})
    if exchange.served is not None:
        _count(exchange.served)
        metrics.add_metric("Latency", MetricUnit.Milliseconds, seconds * 1000)
    else:
        metrics.add_metric("Refused", MetricUnit.Count, int(exchange.error is not None))
    metrics.add_metric("ColdStart", MetricUnit.Count, int(cold))
    metrics.flush_metrics()


def record_outcome(outcome: Outcome) -> None:
    """One log line and its metrics for a queued message."""
    principal = outcome.principal
    facts: dict[str, Any] = {
        "message_id": outcome.message.id,
        "fate": outcome.fate,
        "request_id": outcome.request_id,
        "tenant": principal and principal.tenant,
        "key_id": principal and principal.key_id,
    }
    if outcome.served is not None:
        facts |= _account(outcome.served)
        _count(outcome.served)
    else:
        metrics.add_metric("Refused", MetricUnit.Count, 1)
    if outcome.error is not None:
        facts["error"] = f"{type(outcome.error).__name__}: {outcome.error}"
    logger.info("message", extra={"request": facts})
    if isinstance(outcome.error, Defect):
        logger.error("internal error", exc_info=outcome.error.__cause__)
    metrics.flush_metrics()


def _account(served: Served[Any]) -> dict[str, Any]:
    return {
        "model": served.result.model,
        "version": served.result.version,
        "units": served.units,
        "billed": served.billed.value,
    }


def _count(served: Served[Any]) -> None:
    # Only models that exist become dimensions: names that callers make up would each cost money.
    metrics.add_dimension("model", served.result.model)
    new = served.billed is Billed.NEW
    metrics.add_metric("Requests", MetricUnit.Count, int(new))
    metrics.add_metric("Replays", MetricUnit.Count, int(not new))
    metrics.add_metric("Units", MetricUnit.Count, served.units if new else 0)
