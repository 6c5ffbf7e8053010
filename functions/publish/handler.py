"""The training pipeline's steps after the job: gate, publish, promote.

Events: `{"action":"gate","artifact":"s3://…/model/"}`, `{"action":"publish","artifact","name",
"lineage"}`, `{"action":"promote","model","version","alias"}`. A refusal raises, so that the state
machine sees it by its name.
"""

from __future__ import annotations

import os
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from aws_lambda_powertools import Logger

from infermeter.adapters.artifacts import S3Artifact
from infermeter.errors import MalformedEvent
from infermeter.registry.publication import judge, read_manifest
from infermeter.wiring.administration import Administration

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

logger = Logger()
wiring = Administration.from_environment(os.environ)


def handler(event: dict[str, Any], _: LambdaContext) -> dict[str, Any]:
    """Does the event's action; MalformedEvent for one that is not known or lacks a field."""
    steps = {"gate": _gate, "publish": _publish, "promote": _promote}
    step = steps.get(event.get("action", ""))
    if step is None:
        raise MalformedEvent(f"action: expected {', '.join(steps)}, got {event.get('action')!r}")
    try:
        answer = step(event)
    except KeyError as error:
        raise MalformedEvent(f"{error}: expected in the event, got none") from None
    logger.info(event["action"], extra={"answer": answer})
    return answer


def _gate(event: dict[str, Any]) -> dict[str, Any]:
    return asdict(judge(read_manifest(S3Artifact(wiring.clients.s3(), _text(event, "artifact")))))


def _publish(event: dict[str, Any]) -> dict[str, Any]:
    published = wiring.publisher.publish(
        S3Artifact(wiring.clients.s3(), _text(event, "artifact")),
        name=event.get("name"),
        lineage=event.get("lineage"),
    )
    return {
        "model": published.model,
        "version": published.version,
        "digest": published.digest,
    }


def _promote(event: dict[str, Any]) -> dict[str, Any]:
    model, version, alias = (_text(event, name) for name in ("model", "version", "alias"))
    wiring.publisher.promote(model, version, alias)
    return {"model": model, "version": version, "alias": alias}


def _text(event: dict[str, Any], name: str) -> str:
    value = event[name]
    # A version given as a number would be stored as one, and never be found again.
    if not isinstance(value, str):
        raise MalformedEvent(f"{name}: expected text in the event, got {value!r}")
    return value
