"""What is exported, and to whom: targets, meters, and each tenant's account with a target."""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass
from enum import Enum
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import urlsplit

from infermeter.errors import AdministrationRefused, InvalidField
from infermeter.metering.measures import Measure

if TYPE_CHECKING:
    from collections.abc import Sequence

    from infermeter.metering.fold import UsageRow

# The rows of an hour are planned in one transaction, of which DynamoDB takes 100 items.
MAX_METERS = 50
STRIPE_URL = "https://api.stripe.com"
LOCAL_HOSTS = ("127.0.0.1", "localhost")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


class TargetKind(Enum):
    """Whom a target speaks to, and so how."""

    OPENMETER = "openmeter"
    STRIPE = "stripe"
    MARKETPLACE = "marketplace"
    CSV = "csv"


@dataclass(frozen=True, slots=True)
class Target:
    """One receiver. `secret` names its token among the export secret's, `source` tells this
    deployment's events from another's, `product` is Marketplace's code for legacy listings."""

    name: str
    kind: TargetKind
    url: str = ""
    secret: str = ""
    source: str = "infermeter"
    product: str = ""
    region: str = ""


@dataclass(frozen=True, slots=True)
class Meter:
    """A quantity that is exported under a name: the vendor's event name, type or dimension.

    `model` is a name or, with a final `*`, a beginning; `unit` "" is any; no `targets` are all;
    hours before `start` are not counted. Under one name a meter never changes.
    """

    name: str
    measure: Measure
    model: str = "*"
    unit: str = ""
    targets: tuple[str, ...] = ()
    start: str = ""

    def counts(self, row: UsageRow) -> bool:
        """Whether it counts this usage."""
        key = row.key
        if row.hour < self.start or (self.unit and key.unit != self.unit):
            return False
        if self.model.endswith("*"):
            return key.model.startswith(self.model[:-1])
        return key.model == self.model


# A file has every quantity of the hour; the outbox follows it by its units.
WHOLE_HOUR = Meter("usage", Measure.UNIT)


@dataclass(frozen=True, slots=True)
class Account:
    """A tenant as a target knows it.

    Its hours from `start` (`yyyymmddhh`) up to, and without, `end` are exported; "" is no end.
    """

    tenant: str
    target: str
    customer: str
    start: str
    licence: str = ""
    end: str = ""

    def covers(self, hour: str) -> bool:
        """Whether an hour's usage is for this target."""
        return self.start <= hour and not (self.end and hour >= self.end)


@dataclass(frozen=True, slots=True)
class Configuration:
    """All targets and meters."""

    targets: tuple[Target, ...] = ()
    meters: tuple[Meter, ...] = ()

    def target(self, name: str) -> Target:
        """The target of a name. Raises AdministrationRefused."""
        for target in self.targets:
            if target.name == name:
                return target
        known = ", ".join(target.name for target in self.targets) or "none yet"
        raise AdministrationRefused(
            f"target: expected one of {known}, got '{name}'; `exports put` defines them"
        )

    def meters_of(self, target: Target) -> tuple[Meter, ...]:
        """What is exported to a target."""
        if target.kind is TargetKind.CSV:
            return (WHOLE_HOUR,)
        return tuple(m for m in self.meters if not m.targets or target.name in m.targets)

    def document(self) -> dict[str, Any]:
        """As `parse_configuration` reads it."""
        return {
            "targets": [asdict(each) | {"kind": each.kind.value} for each in self.targets],
            "meters": [
                asdict(each) | {"measure": each.measure.value, "targets": list(each.targets)}
                for each in self.meters
            ],
        }


class ExportStore(Protocol):
    """Where the operator writes what the export reads."""

    def configuration(self) -> Configuration:
        """What was put last; an empty one before."""
        ...

    def put(self, configuration: Configuration) -> None:
        """Puts another in its place."""
        ...

    def accounts(self) -> Sequence[Account]:
        """All tenants' accounts, by target and tenant."""
        ...

    def add(self, account: Account) -> None:
        """Stores an account, in the place of the tenant's former one with that target."""
        ...


def parse_configuration(document: dict[str, Any]) -> Configuration:
    """Reads `[[targets]]` and `[[meters]]`. Raises InvalidField."""
    targets = tuple(_target(each, f"targets[{i}]") for i, each in _tables(document, "targets"))
    names = [target.name for target in targets]
    meters = tuple(_meter(each, f"meters[{i}]", names) for i, each in _tables(document, "meters"))
    _check_unique("targets", names)
    # A vendor has one place for a customer, a name and an hour: the second would be lost.
    _check_unique("meters", [meter.name for meter in meters])
    if len(meters) > MAX_METERS:
        raise InvalidField("meters", expected=f"at most {MAX_METERS}", got=str(len(meters)))
    return Configuration(targets, meters)


def _target(table: dict[str, Any], path: str) -> Target:
    kind = _choice(table, "kind", [each.value for each in TargetKind], path)
    name = _named(table, path)
    url = _text(table, "url", path, STRIPE_URL if kind == TargetKind.STRIPE.value else "")
    if kind in (TargetKind.OPENMETER.value, TargetKind.STRIPE.value):
        _check_url(url, path)
    return Target(
        name=name,
        kind=TargetKind(kind),
        url=url.rstrip("/"),
        secret=_text(table, "secret", path, name),
        source=_text(table, "source", path, "infermeter"),
        product=_text(table, "product", path, ""),
        region=_text(table, "region", path, ""),
    )


def _meter(table: dict[str, Any], path: str, targets: list[str]) -> Meter:
    measure = _choice(table, "measure", [each.value for each in Measure], path)
    chosen = table.get("targets", [])
    if not isinstance(chosen, list) or not set(chosen) <= set(targets):
        expected = f"a list of {', '.join(targets) or 'targets, which are none'}"
        raise InvalidField(f"{path}.targets", expected=expected, got=repr(chosen))
    return Meter(
        name=_named(table, path),
        measure=Measure(measure),
        model=_text(table, "model", path, "*"),
        unit=_text(table, "unit", path, ""),
        targets=tuple(chosen),
        start=_text(table, "start", path, ""),
    )


def _tables(document: dict[str, Any], name: str) -> list[tuple[int, dict[str, Any]]]:
    tables = document.get(name, [])
    if not isinstance(tables, list) or not all(isinstance(each, dict) for each in tables):
        raise InvalidField(name, expected="a list of tables", got=repr(tables))
    return list(enumerate(tables))


def _text(table: dict[str, Any], name: str, path: str, default: str) -> str:
    value = table.get(name, default)
    if not isinstance(value, str):
        raise InvalidField(f"{path}.{name}", expected="text", got=repr(value))
    return value


def _named(table: dict[str, Any], path: str) -> str:
    name = _text(table, "name", path, "")
    if not _NAME.fullmatch(name):
        expected = "1 to 64 of A-Z a-z 0-9 . _ - (a letter or digit first)"
        raise InvalidField(f"{path}.name", expected=expected, got=repr(name))
    return name


def _choice(table: dict[str, Any], name: str, choices: list[str], path: str) -> str:
    value = _text(table, name, path, "")
    if value not in choices:
        raise InvalidField(f"{path}.{name}", expected=f"one of {', '.join(choices)}", got=value)
    return value


def _check_url(url: str, path: str) -> None:
    parts = urlsplit(url)
    local = parts.scheme == "http" and parts.hostname in LOCAL_HOSTS
    if not parts.hostname or not (parts.scheme == "https" or local):
        expected = "one that begins with https:// (http:// for this machine alone)"
        raise InvalidField(f"{path}.url", expected=expected, got=repr(url))


def _check_unique(what: str, names: list[str]) -> None:
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise InvalidField(what, expected="names that differ", got=f"{', '.join(twice)} twice")
