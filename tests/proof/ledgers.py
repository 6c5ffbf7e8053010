"""The ledger's stream on its way to the archive, and what was sealed of both."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from infermeter.errors import InfermeterError
from infermeter.metering.fold import HourFold, fold, fold_lines
from infermeter.metering.hours import after, hour_of
from tests.proof.events import stream_event
from tests.proof.faults import CALM, Faults
from tests.proof.requests import request
from tests.proof.schedules import Chooser
from tests.proof.site import NOW, RESOURCES, TENANT

if TYPE_CHECKING:
    from collections.abc import Sequence

    from infermeter.wiring.metering import Metering
    from tests.proof.account import Account, Item, Record
    from tests.proof.site import Site

FIRST = hour_of(int(NOW * 1000))
SECOND = hour_of(int((NOW + 3600) * 1000))
# Past the second hour's end by more than what a seal waits for.
SETTLED = NOW + 2 * 3600 + 1800


def serve(site: Site, account: Account, ids: Sequence[str], at: float = NOW) -> None:
    """Requests under these ids are charged at this time."""
    site.clock.now = at
    for id in ids:
        answer = site.call("infer", account, Faults(Chooser(), CALM), request(site, id=id))
        assert answer["statusCode"] == 200
    site.clock.now = NOW


def archive(
    site: Site, account: Account, faults: Faults, batch: Sequence[tuple[int, Record]]
) -> bool:
    """One delivery of a batch of the stream; whether it was taken."""
    try:
        answer = site.call("archive", account, faults, stream_event(batch, NOW))
    except InfermeterError:
        return False
    return answer is not None


def archive_all(site: Site, account: Account) -> None:
    """The whole stream, as it came."""
    assert archive(site, account, Faults(Chooser(), CALM), list(enumerate(account.stream)))


def metering(site: Site, account: Account) -> Metering:
    """The stores as an auditor reads them."""
    return site.operator(account)


def of_table(site: Site, account: Account, hour: str) -> HourFold:
    """The fold of what the table holds."""
    return fold(TENANT, hour, metering(site, account).ledger.committed(TENANT, hour))


def of_archive(site: Site, account: Account, hour: str) -> HourFold | None:
    """The fold of what the archive holds."""
    return fold_lines(hour, metering(site, account).archive.lines(hour)).get(TENANT)


@dataclass(frozen=True)
class Sealed:
    """A sealed hour: its seal, and the items of its rows."""

    seal: Item
    rows: tuple[Item, ...]


def sealed(account: Account) -> dict[str, Sealed]:
    """Each sealed hour."""
    table: dict[Any, Item] = account.table(RESOURCES.usage_table)
    found = {}
    for (pk, sk), item in table.items():
        if pk == f"S#{TENANT}" and sk.isdecimal():
            place = f"U#{TENANT}#{sk[:6]}", f"H#{sk[6:]}#"
            rows = [
                row
                for (row_pk, row_sk), row in sorted(table.items())
                if row_pk == place[0] and row_sk.startswith(place[1])
            ]
            found[sk] = Sealed(item, tuple(rows))
    return found


def assert_sealed_as_folded(site: Site, account: Account) -> dict[str, Sealed]:
    """I3 of every sealed hour, by the items themselves and as they are read; what is sealed."""
    usage = metering(site, account).usage_store
    hours = sealed(account)
    for hour, kept in hours.items():
        table = of_table(site, account, hour)
        assert table == of_archive(site, account, hour), f"I3: {hour}, table and archive"
        read = tuple(usage.rows(TENANT, hour, after(hour)))
        assert len(kept.rows) == len(table.rows), f"I3: {hour}, rows"
        assert read == table.rows, f"I3: {hour}, rows"
    return hours
