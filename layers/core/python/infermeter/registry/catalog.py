"""What is published: versions, which never change, and aliases, which move."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from infermeter.errors import UnknownModel, UnknownVersion
from infermeter.manifest import MODEL_NAME

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

DEFAULT_ALIAS = "prod"
# An alias that moved is followed everywhere within this time.
ALIAS_CACHE_S = 30


@dataclass(frozen=True, slots=True)
class ModelVersion:
    """A published version. `digest` is its manifest's; `published_at` in epoch seconds."""

    model: str
    version: str
    digest: str
    size: int
    published_at: int

    @property
    def prefix(self) -> str:
        """Where its files lie in the models bucket."""
        return f"models/{self.model}/{self.version}/"


@dataclass(frozen=True, slots=True)
class ModelRecord:
    """A model with its versions by number, oldest first, and its aliases."""

    model: str
    versions: Mapping[str, ModelVersion]
    aliases: Mapping[str, str]


class Registry(Protocol):
    """Where versions and aliases are kept."""

    def models(self) -> list[str]:
        """The names of all models that have a version, sorted."""
        ...

    def model(self, model: str) -> ModelRecord | None:
        """The model, or None if nothing was published under this name."""
        ...

    def version_of_digest(self, model: str, digest: str) -> ModelVersion | None:
        """The version that was published from these very bytes, or None."""
        ...

    def reserve_version(self, model: str) -> str:
        """A version number that nobody else gets; unused ones leave a gap."""
        ...

    def add_version(self, version: ModelVersion) -> ModelVersion:
        """Registers the version; if its digest is registered already, gives that one instead."""
        ...

    def move_alias(self, model: str, alias: str, version: str) -> None:
        """Points the alias at a registered version, atomically; UnknownVersion if there is none."""
        ...


class Catalog:
    """The registry as the request path reads it: remembered for `ALIAS_CACHE_S` at most."""

    def __init__(self, registry: Registry, clock: Callable[[], float]) -> None:
        self._registry, self._clock = registry, clock
        self._cache: dict[str, tuple[float, ModelRecord]] = {}

    def models(self) -> list[str]:
        """All models' names, read afresh."""
        return self._registry.models()

    def record(self, model: str) -> ModelRecord:
        """The model; UnknownModel if there is none. What is absent is not remembered."""
        if not MODEL_NAME.fullmatch(model):
            raise UnknownModel(model)
        now = self._clock()
        cached = self._cache.get(model)
        if cached is not None and now - cached[0] < ALIAS_CACHE_S:
            return cached[1]
        record = self._registry.model(model)
        if record is None:
            self._cache.pop(model, None)
            raise UnknownModel(model)
        self._cache[model] = (now, record)
        return record

    def resolve(self, model: str, version: str | None) -> ModelVersion:
        """The concrete version behind a number, an alias, or None (the alias `prod`).

        Raises UnknownModel or UnknownVersion.
        """
        record = self.record(model)
        wanted = version or DEFAULT_ALIAS
        found = self._find(record, wanted)
        if found is None:
            # It may have been published since the record was read.
            self._cache.pop(model, None)
            record = self.record(model)
            found = self._find(record, wanted)
        if found is None:
            known = ", ".join([*record.versions, *record.aliases])
            raise UnknownVersion(model, wanted, known)
        return found

    @staticmethod
    def _find(record: ModelRecord, wanted: str) -> ModelVersion | None:
        return record.versions.get(record.aliases.get(wanted, wanted))
