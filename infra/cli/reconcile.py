"""`reconcile` and `findings`: what does not agree."""

from __future__ import annotations

import json as jsonlib
import re
import time
from datetime import UTC, datetime
from typing import Annotated, Any

import typer
from botocore.config import Config

from infermeter.errors import InvalidField
from infermeter.metering.findings import FindingKind
from infermeter.reconciliation.report import finding_document
from infra.cli import console
from infra.cli.operations import OperationError
from infra.cli.target import Json, Profile, Region, Stack, Target, find_target

# As long as the function may take; a second request would be a second run.
_WHOLE_RUN = Config(read_timeout=910, retries={"total_max_attempts": 1})
_DAY_S = 24 * 3600


def reconcile(
    hour: Annotated[
        str | None, typer.Option(help="One hour anew, yyyymmddhh in UTC; default: all that is due.")
    ] = None,
    profile: Profile = None,
    stack: Stack = None,
    region: Region = None,
    *,
    json: Json = False,
) -> None:
    """Compare answers, ledger and bill now. Exit code 1 if anything is found."""
    if hour is not None and not re.fullmatch(r"\d{10}", hour):
        raise InvalidField("hour", expected="yyyymmddhh in UTC", got=f"'{hour}'")
    event = {} if hour is None else {"hour": hour}
    report = _invoke(find_target(profile, stack, region), event)
    if json:
        console.print_json(report)
    else:
        rest = "" if report["complete"] else "; not all that is due: run it again"
        console.note(f"hours checked: {len(report['hours'])}{rest}")
        for act in ("voided", "carried"):
            for entry in report[act]:
                console.note(f"{act}: {entry['tenant']} {entry['id']}, {entry['units']} units")
        _print(report["findings"])
    raise typer.Exit(1 if any(report["counts"].values()) else 0)


def findings(
    kind: Annotated[
        str | None, typer.Option(help=f"{', '.join(each.value for each in FindingKind)}.")
    ] = None,
    days: Annotated[int, typer.Option(help="How far to look back.", min=1)] = 35,
    profile: Profile = None,
    stack: Stack = None,
    region: Region = None,
    *,
    json: Json = False,
) -> None:
    """What was found and stored, by kind and time."""
    kinds = [kind] if kind is not None else [each.value for each in FindingKind]
    known = {each.value: each for each in FindingKind}
    if not set(kinds) <= set(known):
        raise InvalidField("kind", expected=f"one of {', '.join(known)}", got=f"'{kind}'")
    store = find_target(profile, stack, region).wiring().findings
    end = int(time.time()) + 1
    stored = [
        finding_document(finding)
        for name in kinds
        for finding in store.of_kind(known[name], end - days * _DAY_S, end)
    ]
    if json:
        console.print_json(stored)
    else:
        _print(stored)


def _invoke(target: Target, event: dict[str, str]) -> dict[str, Any]:
    client = target.session.client("lambda", endpoint_url=target.endpoint, config=_WHOLE_RUN)
    answer = client.invoke(
        FunctionName=target.output("ReconcileFunction"), Payload=jsonlib.dumps(event).encode()
    )
    document: dict[str, Any] = jsonlib.loads(answer["Payload"].read() or b"{}")
    if answer.get("FunctionError"):
        raise OperationError(f"reconcile failed: {document.get('errorMessage', document)}")
    return document


def _print(found: list[dict[str, Any]]) -> None:
    if not found:
        console.out.print("nothing found")
        return
    rows = []
    for each in found:
        at = datetime.fromtimestamp(each["at"], UTC).strftime("%Y-%m-%d %H:%M:%S")
        details = ", ".join(f"{name}: {value}" for name, value in each["details"].items())
        rows.append([each["kind"], at, each["tenant"], details])
    console.print_table("findings", ["kind", "at (UTC)", "tenant", "details"], rows)
