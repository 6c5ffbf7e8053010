"""The settings of a deployment: a TOML file, checked before anything is synthesized."""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass, field, fields, is_dataclass
from typing import TYPE_CHECKING, Any, TypeVar, get_type_hints

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

Section = TypeVar("Section")

# What CloudWatch Logs accepts, up to a year; but one day, which is over before reconciliation has
# looked for the answer to every charge.
LOG_DAYS = (3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365)
INSTANCE_TYPE = r"ml\.[a-z][a-z0-9-]*\.[0-9]*x?(large|metal)"
IMAGE = (
    r"(?P<account>[0-9]{12})\.dkr\.ecr\.(?P<region>\{region\}|[a-z0-9-]+)\.amazonaws\.com(\.cn)?"
    r"/(?P<repository>[a-z0-9._/-]+)(:[A-Za-z0-9._-]+|@sha256:[0-9a-f]{64})"
)


class SettingsError(ValueError):
    """A field of the settings is missing, unknown or not what it must be."""

    def __init__(self, source: str, name: str, expected: str, got: object) -> None:
        super().__init__(f"{source}: {name}: expected {expected}, got {got}")


@dataclass(frozen=True, kw_only=True)
class Whole:
    """A whole number within bounds, both included."""

    low: int
    high: int

    def __str__(self) -> str:
        return f"a whole number from {self.low} to {self.high}"

    def __call__(self, value: object) -> bool:
        return type(value) is int and self.low <= value <= self.high


@dataclass(frozen=True, kw_only=True)
class Choice:
    """One of a few values."""

    of: tuple[object, ...]

    def __str__(self) -> str:
        return "one of " + ", ".join(shown(value) for value in self.of)

    def __call__(self, value: object) -> bool:
        return any(type(value) is type(known) and value == known for known in self.of)


@dataclass(frozen=True, kw_only=True)
class Text:
    """A string of which the whole matches a regular expression."""

    pattern: str
    meaning: str

    def __str__(self) -> str:
        return self.meaning

    def __call__(self, value: object) -> bool:
        return isinstance(value, str) and re.fullmatch(self.pattern, value) is not None


def rule(check: Whole | Choice | Text) -> Any:  # as dataclasses.field is typed
    """Return a required dataclass field whose value must pass the check."""
    return field(metadata={"check": check})


FLAG = Choice(of=(True, False))
MEMORY = Whole(low=128, high=10_240)


@dataclass(frozen=True, kw_only=True)
class Storage:
    """Tables and buckets."""

    retain: bool = rule(FLAG)
    results_days: int = rule(Whole(low=1, high=3650))
    inputs_days: int = rule(Whole(low=1, high=30))


@dataclass(frozen=True, kw_only=True)
class Functions:
    """What all functions share."""

    python: str = rule(Choice(of=("3.12", "3.13", "3.14")))
    architecture: str = rule(Choice(of=("x86_64", "arm64")))
    log_days: int = rule(Choice(of=LOG_DAYS))


@dataclass(frozen=True, kw_only=True)
class Api:
    """The gateway's stage. `rate` is in requests per second."""

    rate: int = rule(Whole(low=1, high=10_000))
    burst: int = rule(Whole(low=1, high=5_000))
    log_days: int = rule(Choice(of=LOG_DAYS))
    account_role: bool = rule(FLAG)


@dataclass(frozen=True, kw_only=True)
class Infer:
    """The function behind the gateway, which waits 29 s at most."""

    memory_mb: int = rule(MEMORY)
    timeout_s: int = rule(Whole(low=1, high=29))


@dataclass(frozen=True, kw_only=True)
class Batch:
    """The function behind the queue: up to `size` messages, gathered for up to `window_s`.

    A message that was received `receives` times goes to the dead-letter queue.
    """

    memory_mb: int = rule(MEMORY)
    timeout_s: int = rule(Whole(low=1, high=900))
    size: int = rule(Whole(low=1, high=10_000))
    window_s: int = rule(Whole(low=0, high=300))
    receives: int = rule(Whole(low=1, high=1_000))


@dataclass(frozen=True, kw_only=True)
class Publish:
    """The function that gates, verifies and registers a model."""

    memory_mb: int = rule(MEMORY)
    timeout_s: int = rule(Whole(low=1, high=900))


@dataclass(frozen=True, kw_only=True)
class Usage:
    """The function that answers `/v1/usage` behind the gateway, which waits 29 s at most."""

    memory_mb: int = rule(MEMORY)
    timeout_s: int = rule(Whole(low=1, high=29))


@dataclass(frozen=True, kw_only=True)
class Worker:
    """A function that nobody waits for."""

    memory_mb: int = rule(MEMORY)
    timeout_s: int = rule(Whole(low=1, high=900))


@dataclass(frozen=True, kw_only=True)
class Metering:
    """What follows the ledger. `marketplace` allows reports to AWS Marketplace."""

    marketplace: bool = rule(FLAG)
    spool: Worker
    archive: Worker
    fold: Worker
    export: Worker
    reconcile: Worker


@dataclass(frozen=True, kw_only=True)
class Training:
    """The SageMaker job. `python` is the image's; `{region}` becomes the stack's region.

    `spot` capacity costs less and may be taken away: the job then waits for other, together at
    most `spot_wait_s`, and goes on from its checkpoint.
    """

    instance_type: str = rule(
        Text(pattern=INSTANCE_TYPE, meaning='an instance type such as "ml.g5.xlarge"')
    )
    instances: int = rule(Whole(low=1, high=100))
    volume_gb: int = rule(Whole(low=1, high=16_384))
    spot: bool = rule(FLAG)
    spot_wait_s: int = rule(Whole(low=0, high=28 * 86_400))
    max_runtime_s: int = rule(Whole(low=60, high=28 * 86_400))
    image: str = rule(
        Text(
            pattern=IMAGE,
            meaning="an ECR image <account>.dkr.ecr.{region}.amazonaws.com/<repository>:<tag>",
        )
    )
    python: str = rule(Choice(of=("3.10", "3.11", "3.12", "3.13")))


@dataclass(frozen=True, kw_only=True)
class Settings:
    """All of it. `name` prefixes the stacks and the training jobs (63 characters with their id)."""

    name: str = rule(
        Text(
            pattern="[a-z](-?[a-z0-9]){0,24}",
            meaning="up to 25 lower-case letters, digits and single hyphens, a letter first",
        )
    )
    storage: Storage
    functions: Functions
    api: Api
    infer: Infer
    batch: Batch
    publish: Publish
    usage: Usage
    metering: Metering
    training: Training


def load(path: Path) -> Settings:
    """Return the settings in a TOML file. Raises SettingsError; OSError without the file."""
    try:
        content = tomllib.loads(path.read_text())
    except tomllib.TOMLDecodeError as error:
        raise SettingsError(path.name, "the file", "TOML", error) from error
    settings = parse(Settings, content, source=path.name)
    if settings.batch.size > 10 and settings.batch.window_s == 0:
        raise SettingsError(
            path.name, "batch.window_s", "at least 1 where batch.size is above 10", 0
        )
    return settings


def parse(
    section: type[Section], content: Mapping[str, object], *, source: str, prefix: str = ""
) -> Section:
    """Return a section of the settings, each field checked. Raises SettingsError."""
    known = {each.name: each for each in fields(section)}  # type: ignore[arg-type]
    for name in content:
        if name in known:
            continue
        raise SettingsError(source, prefix + name, f"one of {', '.join(known)}", "an unknown name")
    types = get_type_hints(section)
    values: dict[str, object] = {}
    for name, each in known.items():
        value = content.get(name)
        if is_dataclass(types[name]):
            if not isinstance(value, dict):
                raise SettingsError(source, prefix + name, "a section", shown(value))
            values[name] = parse(types[name], value, source=source, prefix=f"{prefix}{name}.")
        elif not each.metadata["check"](value):
            expected = str(each.metadata["check"])
            raise SettingsError(source, prefix + name, expected, shown(value))
        else:
            values[name] = value
    return section(**values)


def shown(value: object) -> str:
    """Return a value as TOML has it."""
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return str(value).lower()
    return f'"{value}"' if isinstance(value, str) else str(value)
