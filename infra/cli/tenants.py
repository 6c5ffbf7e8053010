"""`tenants`: who pays."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from infermeter.billing.documents import statement_document
from infermeter.billing.plan_document import limits_document
from infermeter.errors import AdministrationRefused, InfermeterError
from infermeter.metering.hours import start_of
from infra.cli import console, terms
from infra.cli.statements import print_statement
from infra.cli.target import Json, Profile, Region, Stack, find_target

if TYPE_CHECKING:
    from infermeter.tenants.accounts import Act
    from infermeter.tenants.keys import TenantRecord

app = typer.Typer(help="Make, list, suspend, bound and close tenants.", no_args_is_help=True)


@app.command()
def create(
    tenant: str,
    plan: Annotated[str, typer.Option(help="The plan that it is charged by.")] = "",
    rate: terms.RateOption = None,
    burst: terms.BurstOption = None,
    budget: terms.BudgetOption = None,
    profile: Profile = None,
    stack: Stack = None,
    region: Region = None,
    *,
    json: Json = False,
) -> None:
    """Make a tenant; limits that are given stand in place of its plan's."""
    limits = terms.limits(rate, burst, budget)
    administration = find_target(profile, stack, region).wiring().tenant_administration
    _report(administration.create(tenant, plan, limits), json=json)


@app.command("list")
def list_tenants(
    profile: Profile = None, stack: Stack = None, region: Region = None, *, json: Json = False
) -> None:
    """All tenants, those that are closed among them."""
    records = find_target(profile, stack, region).wiring().tenant_administration.all()
    if json:
        console.print_json([_row(record) for record in records])
        return
    console.print_table(
        "tenants",
        ["tenant", "state", "plan", "own limits", "created"],
        [
            [
                record.tenant,
                _state(record),
                record.plan or "-",
                str(record.limits),
                terms.shown_time(record.created_at),
            ]
            for record in records
        ],
    )


@app.command()
def show(
    tenant: str,
    profile: Profile = None,
    stack: Stack = None,
    region: Region = None,
    *,
    json: Json = False,
) -> None:
    """A tenant: its plan and limits in force, and what was done to it lately."""
    view = find_target(profile, stack, region).wiring().tenant_administration.view(tenant)
    if json:
        in_force = {"price": view.price, "limits_in_force": limits_document(view.limits)}
        acts = [_act_row(act) for act in view.acts]
        console.print_json(_row(view.record) | in_force | {"audit": acts})
        return
    record = view.record
    console.out.print(
        f"{record.tenant}: {_state(record)}, since {terms.shown_time(record.created_at)}\n"
        f"plan    {view.price or 'none'}\nlimits  {view.limits}\nshards  {_shards(record)}",
        markup=False,
    )
    for act in view.acts:
        console.out.print(
            f"{terms.shown_time(act.at)}  {act.act}  {_details(act)}\n    by {act.actor}",
            markup=False,
        )


@app.command()
def suspend(
    tenant: str,
    reason: Annotated[str, typer.Option(help="For the record.")] = "",
    profile: Profile = None,
    stack: Stack = None,
    region: Region = None,
    *,
    json: Json = False,
) -> None:
    """Refuse what a tenant's keys ask for, but for its usage: everywhere within 30 s."""
    administration = find_target(profile, stack, region).wiring().tenant_administration
    _report(administration.suspend(tenant, reason), json=json)


@app.command()
def resume(
    tenant: str,
    profile: Profile = None,
    stack: Stack = None,
    region: Region = None,
    *,
    json: Json = False,
) -> None:
    """Serve a suspended tenant again: everywhere within 30 s."""
    administration = find_target(profile, stack, region).wiring().tenant_administration
    _report(administration.resume(tenant), json=json)


@app.command("plan")
def assign(
    tenant: str,
    plan: Annotated[str, typer.Argument(help="A plan's name, or '' for none.")],
    profile: Profile = None,
    stack: Stack = None,
    region: Region = None,
    *,
    json: Json = False,
) -> None:
    """Put a tenant on a plan from now on."""
    administration = find_target(profile, stack, region).wiring().tenant_administration
    _report(administration.assign(tenant, plan), json=json)


@app.command()
def limit(
    tenant: str,
    rate: terms.RateOption = None,
    burst: terms.BurstOption = None,
    budget: terms.BudgetOption = None,
    profile: Profile = None,
    stack: Stack = None,
    region: Region = None,
    *,
    json: Json = False,
) -> None:
    """Set a tenant's own limits, in place of its plan's; without options the plan's hold again."""
    limits = terms.limits(rate, burst, budget)
    administration = find_target(profile, stack, region).wiring().tenant_administration
    _report(administration.limit(tenant, limits), json=json)


@app.command()
def shards(
    tenant: str,
    count: Annotated[int, typer.Argument(help="1, 16 or 256.", metavar="1|16|256")],
    profile: Profile = None,
    stack: Stack = None,
    region: Region = None,
    *,
    json: Json = False,
) -> None:
    """Divide a tenant's ledger, from the third hour after this one on: 1,000 writes/s a shard."""
    administration = find_target(profile, stack, region).wiring().tenant_administration
    record = administration.shard(tenant, count)
    if json:
        console.print_json(_row(record))
        return
    console.out.print(f"{record.tenant}: shards of its ledger: {_shards(record)}", markup=False)


@app.command()
def delete(
    tenant: str,
    profile: Profile = None,
    stack: Stack = None,
    region: Region = None,
    *,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    json: Json = False,
) -> None:
    """Close a tenant for ever, and print its last statement. Its ledger is kept.

    Its keys are refused within 30 s; the statement is final once the last hour is sealed.
    """
    if not yes and (json or not sys.stdin.isatty()):
        raise AdministrationRefused(
            f"tenant '{tenant}': expected --yes, where nobody can be asked whether to close it "
            "for ever"
        )
    if not yes:
        typer.confirm(f"Close {tenant} for ever?", abort=True)
    wiring = find_target(profile, stack, region).wiring()
    record = wiring.tenant_administration.close(tenant)
    month = f"{datetime.fromtimestamp(wiring.clock(), UTC):%Y%m}"
    statement = None
    try:
        statement = wiring.statements.of(tenant, month)
    except InfermeterError as error:  # what is closed is closed, whatever becomes of its bill
        console.note(f"its statement cannot be made now: {error}")
    if json:
        document = None if statement is None else statement_document(statement)
        console.print_json(_row(record) | {"statement": document})
        return
    _report(record, json=False)
    if statement is not None:
        print_statement(statement)


def _report(record: TenantRecord, *, json: bool) -> None:
    if json:
        console.print_json(_row(record))
        return
    limits = f"own limits: {record.limits}"
    plan = f"plan: {record.plan or 'none'}"
    console.out.print(f"{record.tenant} is {_state(record)}; {plan}; {limits}", markup=False)


def _state(record: TenantRecord) -> str:
    return f"{record.state.value} ({record.reason})" if record.reason else record.state.value


def _shards(record: TenantRecord) -> str:
    changes = [
        f"{change.shards} from {terms.shown_time(start_of(change.hour).timestamp())}"
        for change in record.sharding.changes
    ]
    return ", ".join(["1", *changes])


def _row(record: TenantRecord) -> dict[str, Any]:
    return {
        "tenant": record.tenant,
        "state": record.state.value,
        "reason": record.reason,
        "plan": record.plan,
        "limits": limits_document(record.limits),
        "shards": [change._asdict() for change in record.sharding.changes],
        "created_at": record.created_at,
        "closed_at": record.closed_at,
    }


def _act_row(act: Act) -> dict[str, Any]:
    return {"at": act.at, "act": act.act, "actor": act.actor, "details": dict(act.details)}


def _details(act: Act) -> str:
    return ", ".join(f"{name}={value}" for name, value in act.details.items() if value != "")
