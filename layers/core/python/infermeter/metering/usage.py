"""Usage as a tenant sees it: sealed hours from their rows, open ones folded from the ledger now."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import Enum
from itertools import groupby
from typing import TYPE_CHECKING, NamedTuple

from infermeter.errors import UnknownTenant
from infermeter.metering.fold import fold
from infermeter.metering.hours import HOUR_FORMAT, after
from infermeter.metering.ids import LEDGER_TTL_S
from infermeter.metering.measures import NOTHING, Quantities
from infermeter.metering.windows import Period, Window, around, month_period

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from infermeter.metering.fold import UsageKey, UsageRow
    from infermeter.metering.ledger import LedgerReader
    from infermeter.metering.seal import UsageStore
    from infermeter.tenants.keys import KeyStore

# A clock may be ahead of ours, and what is old in the ledger is gone.
_AHEAD, _REMEMBERED = timedelta(hours=1), timedelta(seconds=LEDGER_TTL_S)


class Dimension(Enum):
    """What rows of usage are told apart by."""

    KEY = "key"
    MODEL = "model"
    VERSION = "version"
    UNIT = "unit"
    PRICE = "price"


class Group(NamedTuple):
    """One value of each dimension; "" in those that are summed over."""

    key_id: str = ""
    model: str = ""
    version: str = ""
    unit: str = ""
    price: str = ""


class Place(NamedTuple):
    """Where a row stands among those of a query, which are sorted by it."""

    start: str
    group: Group


DEFAULT_DIMENSIONS = (Dimension.KEY, Dimension.MODEL, Dimension.VERSION)


@dataclass(frozen=True, slots=True)
class UsageQuery:
    """What is asked for. Units of different kinds are never added: `UNIT` is always a dimension.

    `shown` says of which models; `beyond` is the last row that was seen of the same query.
    """

    tenant: str
    period: Period
    window: Window = Window.TOTAL
    dimensions: tuple[Dimension, ...] = DEFAULT_DIMENSIONS
    shown: Callable[[str], bool] = lambda _: True
    beyond: Place | None = None

    def group(self, key: UsageKey) -> Group:
        """What a row of the meter is summed up under."""
        return Group(
            key.key_id if Dimension.KEY in self.dimensions else "",
            key.model if Dimension.MODEL in self.dimensions else "",
            key.version if Dimension.VERSION in self.dimensions else "",
            key.unit,
            key.price if Dimension.PRICE in self.dimensions else "",
        )


@dataclass(frozen=True, slots=True)
class Used:
    """What was used in a period. `final` once all its hours are sealed: then it never changes."""

    period: Period
    group: Group
    quantities: Quantities
    final: bool = False

    @property
    def place(self) -> Place:
        """Where it stands in its query."""
        return Place(self.period.start, self.group)


class Usage:
    """Answers what a tenant used. What is committed later lies in hours that are open."""

    def __init__(
        self,
        ledger: LedgerReader,
        store: UsageStore,
        keys: KeyStore,
        clock: Callable[[], float],
    ) -> None:
        self._ledger, self._store, self._keys, self._clock = ledger, store, keys, clock

    def watermark(self, tenant: str) -> str:
        """The hour (`yyyymmddhh`) up to which, and without it, all figures are final; "" for none.

        To be asked before `hourly` and `used`, which take it: what is sealed in between counts as
        open, and is the same.
        """
        return self._store.watermark(tenant)

    def rows(self, tenant: str, start: datetime | None = None) -> list[Used]:
        """All that was used since `start` (the month's beginning) until now, by key, model and
        version. Raises UnknownTenant."""
        now = self._now()
        period = around(start, now + _AHEAD) if start else month_period(f"{now:%Y%m}")
        return list(self.used(UsageQuery(tenant, period), self.watermark(tenant)))

    def used(self, query: UsageQuery, watermark: str) -> Iterator[Used]:
        """The query's rows, sorted by time, then by group. A month is read when it is come to.

        Raises UnknownTenant.
        """
        start = query.beyond.start if query.beyond else ""
        windows = (each for each in query.period.split(query.window) if each.start >= start)
        for _, month in groupby(windows, lambda each: each.start[:6]):
            yield from self._summed(query, list(month), watermark)

    def _summed(self, query: UsageQuery, windows: list[Period], watermark: str) -> Iterator[Used]:
        starts = [each.start for each in windows]
        whole = Period(starts[0], windows[-1].end)
        sums: dict[tuple[int, Group], Quantities] = {}
        for row in self.hourly(query.tenant, whole, watermark):
            if query.shown(row.key.model):
                place = bisect_right(starts, row.hour) - 1, query.group(row.key)
                sums[place] = sums.get(place, NOTHING).plus(row.quantities)
        for place in sorted(sums):
            window = windows[place[0]]
            found = Used(window, place[1], sums[place], window.end <= watermark)
            if query.beyond is None or found.place > query.beyond:
                yield found

    def hourly(self, tenant: str, period: Period, watermark: str) -> Iterator[UsageRow]:
        """The meter's own rows of a period: first those of sealed hours. Raises UnknownTenant."""
        record = self._keys.tenant(tenant)
        if record is None:
            raise UnknownTenant(tenant)
        sealed = Period(period.start, min(period.end, watermark))
        if sealed.start < sealed.end:
            yield from self._store.rows(tenant, sealed.start, sealed.end)
        # Nothing is older than the tenant; the hour before allows for clocks that differ.
        born = datetime.fromtimestamp(record.created_at, UTC) - _AHEAD
        for hour in self._open(period, watermark, born):
            yield from fold(tenant, hour, self._ledger.committed(tenant, hour)).rows

    def _open(self, period: Period, watermark: str, born: datetime) -> Iterable[str]:
        now = self._now()
        earliest = max(born, now - _REMEMBERED).strftime(HOUR_FORMAT)
        latest = (now + _AHEAD).strftime(HOUR_FORMAT)
        asked = period.within(Period(max(watermark, earliest), after(latest)))
        return (each.start for each in asked.split(Window.HOUR))

    def _now(self) -> datetime:
        return datetime.fromtimestamp(self._clock(), UTC)
