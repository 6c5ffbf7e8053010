"""What the operator does with the export's configuration."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from infermeter.errors import AdministrationRefused
from infermeter.export.configuration import Configuration, TargetKind, parse_configuration
from infermeter.metering.hours import after

if TYPE_CHECKING:
    from infermeter.export.configuration import Account, ExportStore, Target


def put_configuration(store: ExportStore, document: dict[str, Any], hour: str) -> Configuration:
    """Stores what a document says, in the place of what was before.

    `hour` is the present one, from which a meter counts that comes when tenants have accounts.
    Raises InvalidField; AdministrationRefused for a meter that would change, or a target that is
    gone, or would be another, while tenants have accounts with it.
    """
    new, former = parse_configuration(document), store.configuration()
    accounts = store.accounts()
    former_targets = {target.name: target for target in former.targets}
    for name in sorted({account.target for account in accounts}):
        _check_same(new.target(name), former_targets.get(name))
    known = {meter.name: meter for meter in former.meters}
    meters = []
    for meter in new.meters:
        standing = known.get(meter.name)
        if standing is None:
            meters.append(replace(meter, start=hour if accounts else ""))
        elif replace(standing, start="") != replace(meter, start=""):
            raise AdministrationRefused(
                f"meter '{meter.name}': expected it as it stands, got another; what it counted is "
                "exported under this name, so give the new one another"
            )
        else:
            meters.append(standing)
    configuration = Configuration(new.targets, tuple(meters))
    store.put(configuration)
    return configuration


def add_account(store: ExportStore, account: Account) -> Account:
    """Stores a tenant's account; a former one's start stands, as its hours are accounted for.

    Raises AdministrationRefused for a target that is not there, or a customer that is another
    tenant's: their hours would overwrite each other at the vendor.
    """
    target = store.configuration().target(account.target)
    if not account.customer:
        raise AdministrationRefused("customer: expected the tenant's id at the target, got none")
    if account.licence and target.kind is not TargetKind.MARKETPLACE:
        raise AdministrationRefused("licence: expected one for a marketplace target alone")
    for other in store.accounts():
        if other.target != account.target:
            continue
        if other.tenant == account.tenant:
            if other.end:
                raise AdministrationRefused(
                    f"account: expected one that goes on, got that of '{other.tenant}' with "
                    f"'{other.target}', which ended with hour {other.end}; name another target"
                )
            account = replace(account, start=other.start)
        elif (other.customer, other.licence) == (account.customer, account.licence):
            raise AdministrationRefused(
                f"customer: expected one that is no other tenant's, got '{account.customer}', "
                f"which is {other.tenant}'s"
            )
    store.add(account)
    return account


def end_account(store: ExportStore, tenant: str, target: str, hour: str) -> Account:
    """Ends a tenant's account with the present hour; what was used till then is still exported.

    Raises AdministrationRefused when there is none, or it has an end.
    """
    for account in store.accounts():
        if (account.tenant, account.target, account.end) == (tenant, target, ""):
            ended = replace(account, end=after(hour))
            store.add(ended)
            return ended
    raise AdministrationRefused(
        f"account: expected '{tenant}' to have one with '{target}' that goes on, got none"
    )


def _check_same(target: Target, standing: Target | None) -> None:
    """What a vendor knows rows by stays: one that is sent again would count as another."""
    if standing is None:
        return
    for field in ("kind", "source", "product"):
        if getattr(target, field) != getattr(standing, field):
            raise AdministrationRefused(
                f"target '{target.name}': expected its {field} as it stands, as tenants have "
                "accounts with it, got another; give the new one another name"
            )
