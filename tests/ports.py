"""In-memory stand-ins behind the core's ports, and a service over them."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field, fields, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from infermeter.api.application import Application
from infermeter.api.endpoints import server
from infermeter.api.endpoints.documentation import DocumentationEndpoints
from infermeter.api.endpoints.inference import InferenceEndpoint
from infermeter.api.endpoints.models import ModelEndpoints
from infermeter.api.endpoints.openai import OpenAIEndpoints
from infermeter.api.endpoints.repository import RepositoryEndpoints
from infermeter.api.endpoints.statistics import StatisticsEndpoints
from infermeter.api.endpoints.uploads import UploadEndpoints
from infermeter.api.routes import DATA_PLANE
from infermeter.engine.models import Models
from infermeter.errors import (
    ModelFailed,
    ModelUnavailable,
    RequestIdReused,
    TooLarge,
    UnknownVersion,
    VerificationFailed,
)
from infermeter.manifest import MANIFEST_FILE, MODEL_FILE, Manifest, ModelFile
from infermeter.metering.hours import hour_of
from infermeter.registry.catalog import Catalog, ModelRecord, ModelVersion
from infermeter.service import Service
from infermeter.signature import Signature, TensorSpec
from infermeter.statistics.buffer import StatisticsBuffer
from infermeter.statistics.counters import BatchCounters, Counters
from infermeter.tenants.administration import KeyAdministration
from infermeter.tenants.authentication import Authenticator
from infermeter.tensors import DATATYPES
from infermeter.transfers.answers import LargeAnswers
from infermeter.transfers.uploads import SignedPut, Uploads

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from infermeter.billing.plans import Plan
    from infermeter.metering.ids import RequestId
    from infermeter.metering.ledger import Ledger, LedgerEntry
    from infermeter.service import Call
    from infermeter.tenants.accounts import Act
    from infermeter.tenants.administration import KeyTerms
    from infermeter.tenants.keys import Key, KeyRecord, PlanTerms, TenantRecord

NOW = 1_790_000_000.0
PEPPER = b"p" * 64
FP32 = DATATYPES["FP32"]
ROWS = Signature((TensorSpec("x", FP32, (-1, 2)),), (TensorSpec("y", FP32, (-1, 2)),), 0)


@dataclass
class Clock:
    """A clock that moves when told to."""

    now: float = NOW

    def __call__(self) -> float:
        return self.now


@dataclass
class MemoryKeys:
    """The `KeyStore` and `Accounts` in dicts; `reads` counts look-ups of keys, `acts` has the
    trail, the newest last."""

    records: dict[str, KeyRecord] = field(default_factory=dict)
    owners: dict[str, TenantRecord] = field(default_factory=dict)
    plans: dict[str, PlanTerms] = field(default_factory=dict)
    acts: list[Act] = field(default_factory=list)
    reads: int = 0

    def key(self, key_id: str) -> KeyRecord | None:
        self.reads += 1
        return self.records.get(key_id)

    def tenant(self, tenant: str) -> TenantRecord | None:
        return self.owners.get(tenant)

    def tenants(self) -> list[TenantRecord]:
        return [self.owners[name] for name in sorted(self.owners)]

    def terms(self, plan: str) -> PlanTerms | None:
        return self.plans.get(plan)

    def keys_of(self, tenant: str) -> list[KeyRecord]:
        return [record for record in self.records.values() if record.tenant == tenant]

    def add_key(self, record: KeyRecord, tenant: TenantRecord, act: Act) -> bool:
        if self.owners.get(record.tenant) != tenant:
            return False
        self.records[record.key_id] = record
        self.acts.append(act)
        return True

    def put_key(self, record: KeyRecord, act: Act) -> bool:
        if self.records[record.key_id].revision != record.revision:
            return False
        self.records[record.key_id] = replace(record, revision=record.revision + 1)
        self.acts.append(act)
        return True

    def add_tenant(self, record: TenantRecord, act: Act) -> bool:
        if record.tenant in self.owners:
            return False
        self.owners[record.tenant] = record
        self.acts.append(act)
        return True

    def put_tenant(self, record: TenantRecord, act: Act) -> bool:
        if self.owners[record.tenant].revision != record.revision:
            return False
        self.owners[record.tenant] = replace(record, revision=record.revision + 1)
        self.acts.append(act)
        return True

    def last(self, subject: str, count: int) -> list[Act]:
        mine = [act for act in reversed(self.acts) if act.subject == subject]
        return mine[:count]


@dataclass
class MemoryPlans:
    """The `PlanStore` in lists of versions by name."""

    versions: dict[str, list[Plan]] = field(default_factory=dict)
    acts: list[Act] = field(default_factory=list)

    def plan(self, name: str, version: int | None = None) -> Plan | None:
        versions = self.versions.get(name, [])
        if version is None:
            return versions[-1] if versions else None
        return versions[version - 1] if 1 <= version <= len(versions) else None

    def add(self, plan: Plan, act: Act) -> bool:
        versions = self.versions.setdefault(plan.name, [])
        if plan.version != len(versions) + 1:
            return False
        versions.append(plan)
        self.acts.append(act)
        return True

    def names(self) -> list[str]:
        return sorted(self.versions)


@dataclass
class MemoryRegistry:
    """The `Registry` in dicts; `reads` counts look-ups of models, `writes` all changes."""

    versions: dict[str, dict[str, ModelVersion]] = field(default_factory=dict)
    aliases: dict[str, dict[str, str]] = field(default_factory=dict)
    reads: int = 0
    writes: int = 0

    def models(self) -> list[str]:
        return sorted(self.versions)

    def model(self, model: str) -> ModelRecord | None:
        self.reads += 1
        if model not in self.versions:
            return None
        return ModelRecord(model, dict(self.versions[model]), dict(self.aliases.get(model, {})))

    def version_of_digest(self, model: str, digest: str) -> ModelVersion | None:
        known = self.versions.get(model, {}).values()
        return next((version for version in known if version.digest == digest), None)

    def reserve_version(self, model: str) -> str:
        self.writes += 1
        return str(len(self.versions.get(model, {})) + 1)

    def add_version(self, version: ModelVersion) -> ModelVersion:
        self.writes += 1
        self.versions.setdefault(version.model, {})[version.version] = version
        return version

    def move_alias(self, model: str, alias: str, version: str) -> None:
        if version not in self.versions.get(model, {}):
            raise UnknownVersion(model, version, "the published ones")
        self.writes += 1
        self.aliases.setdefault(model, {})[alias] = version


@dataclass
class MemoryFiles:
    """Published files, and an artefact's, in a dict."""

    contents: dict[str, bytes] = field(default_factory=dict)
    reads: list[str] = field(default_factory=list)

    def read(self, prefix: str, path: str) -> bytes:
        self.reads.append(prefix + path)
        if prefix + path not in self.contents:
            raise ModelUnavailable(f"{prefix}{path}: none")
        return self.contents[prefix + path]

    def write(self, prefix: str, path: str, content: bytes) -> None:
        assert prefix + path not in self.contents
        self.contents[prefix + path] = content


@dataclass
class MemoryArtifact:
    """An artefact in a dict."""

    contents: dict[str, bytes]

    def read(self, path: str) -> bytes:
        if path not in self.contents:
            raise VerificationFailed(f"artifact: expected '{path}', got none")
        return self.contents[path]


@dataclass
class Scaling:
    """`y = x * factor`, raising on a row with a negative number."""

    factor: float
    signature: Signature = ROWS
    runs: list[int] = field(default_factory=list)

    def run(self, inputs: Mapping[str, NDArray[Any]], outputs: Sequence[str]) -> list[NDArray[Any]]:
        self.runs.append(len(inputs["x"]))
        if (inputs["x"] < 0).any():
            raise ModelFailed("a negative number")
        return [(inputs["x"] * np.float32(self.factor)).astype("<f4") for _ in outputs]


@dataclass
class ScalingRuntime:
    """Loads `Scaling` from a file that holds the factor."""

    loaded: list[Scaling] = field(default_factory=list)

    def load(self, files: Mapping[str, bytes]) -> Scaling:
        try:
            model = Scaling(float(files[MODEL_FILE]))
        except ValueError:
            raise ModelUnavailable("not a factor") from None
        self.loaded.append(model)
        return model


class MemoryLedger:
    """The `Ledger` in a dict."""

    def __init__(self) -> None:
        self.entries: dict[tuple[str, str], LedgerEntry] = {}

    def put(self, entry: LedgerEntry) -> LedgerEntry | None:
        place = (entry.tenant, entry.identity)
        if place in self.entries:
            return self.entries[place]
        self.entries[place] = entry
        return None

    def committed(self, tenant: str, hour: str) -> list[LedgerEntry]:
        return [
            entry
            for entry in self.entries.values()
            if entry.tenant == tenant and hour_of(entry.committed_ms) == hour
        ]

    def of_request(self, tenant: str, request_id: RequestId) -> list[LedgerEntry]:
        mine = (entry for entry in self.entries.values() if entry.tenant == tenant)
        return [entry for entry in mine if entry.request_id == request_id]


@dataclass
class MemoryStatistics:
    """The `StatisticsStore` in a dict; `writes` names the version of each."""

    sums: dict[tuple[str, str], Counters] = field(default_factory=dict)
    writes: list[str] = field(default_factory=list)

    def add(self, model: str, version: str, counters: Counters) -> None:
        self.writes.append(version)
        standing = self.sums.setdefault((model, version), Counters())
        _add(standing, counters)
        for size, batch in counters.batches.items():
            _add(standing.batches.setdefault(size, BatchCounters()), batch)

    def of_model(self, model: str) -> dict[str, Counters]:
        return {version: sums for (name, version), sums in self.sums.items() if name == model}


def _add(standing: Counters | BatchCounters, more: Counters | BatchCounters) -> None:
    for each in fields(standing):
        if each.name == "last_ms":
            standing.last_ms = more.last_ms
        elif each.name != "batches":
            setattr(standing, each.name, getattr(standing, each.name) + getattr(more, each.name))


@dataclass(frozen=True)
class Stored:
    """A result: its document, whose it is, and whether it is an answer."""

    document: bytes
    payload_hash: str
    succeeded: bool
    version: str = ""


@dataclass
class MemoryResults:
    """Results by tenant and id."""

    stored: dict[tuple[str, str], Stored] = field(default_factory=dict)

    def write(
        self,
        tenant: str,
        request_id: RequestId,
        document: bytes,
        payload_hash: str,
        version: str,
    ) -> str:
        place = (tenant, request_id.text)
        standing = self.stored.get(place)
        if standing is None or not standing.succeeded:
            self.stored[place] = Stored(document, payload_hash, succeeded=True, version=version)
            return version
        if standing.payload_hash != payload_hash:
            raise RequestIdReused(request_id.text)
        return standing.version

    def write_failure(
        self, tenant: str, request_id: RequestId, document: bytes, payload_hash: str
    ) -> None:
        failure = Stored(document, payload_hash, succeeded=False)
        self.stored.setdefault((tenant, request_id.text), failure)

    def retract(
        self, tenant: str, request_id: RequestId, document: bytes, payload_hash: str
    ) -> bool:
        place = (tenant, request_id.text)
        if self.stored[place].payload_hash != payload_hash:
            return False
        self.stored[place] = Stored(document, payload_hash, succeeded=False)
        return True


@dataclass
class MemoryInputs:
    """The `Inputs` bucket in a dict by key; `reads` names what was looked for."""

    bucket: str = "inputs"
    contents: dict[str, bytes] = field(default_factory=dict)
    reads: list[str] = field(default_factory=list)

    def sign_put(self, key: str, size: int, lifetime_s: int) -> SignedPut:
        return SignedPut(f"memory://{key}?lifetime={lifetime_s}", {"content-length": str(size)})

    def read(self, key: str, limit: int) -> bytes | None:
        self.reads.append(key)
        content = self.contents.get(key)
        if content is not None and len(content) > limit:
            raise TooLarge(key, limit=limit, got=len(content), unit="bytes", remedy="send less")
        return content


@dataclass
class MemoryAnswers:
    """The `AnswerStore` in a dict by URL."""

    contents: dict[str, bytes] = field(default_factory=dict)

    def put(self, call: Call, version: str, content: bytes) -> None:
        self.contents.setdefault(self.sign_get(call, version, 0), content)

    def sign_get(self, call: Call, version: str, lifetime_s: int) -> str:
        parts = (call.principal.tenant, call.request_id.text, version, call.payload_hash)
        return f"memory://{'/'.join(parts)}"


@dataclass
class MemoryDeadLetters:
    """Messages that can never be answered: body, reason and message id."""

    sent: list[tuple[str, str, str]] = field(default_factory=list)

    def send(self, body: str, *, reason: str, message_id: str) -> None:
        self.sent.append((body, reason, message_id))


def scaling_artifact(factor: float = 2.0, **changes: Any) -> dict[str, bytes]:
    """Files of a `Scaling` model, manifest included."""
    content = str(factor).encode()
    file = ModelFile(MODEL_FILE, len(content), hashlib.sha256(content).hexdigest())
    manifest = replace(Manifest("scaling", ROWS, (file,)), **changes)
    return {MODEL_FILE: content, MANIFEST_FILE: manifest.to_json()}


@dataclass
class World:
    """A service over memory, with one key and what a test may want to look at."""

    ledger: Ledger
    clock: Clock = field(default_factory=Clock)
    keys: MemoryKeys = field(default_factory=MemoryKeys)
    registry: MemoryRegistry = field(default_factory=MemoryRegistry)
    files: MemoryFiles = field(default_factory=MemoryFiles)
    runtime: ScalingRuntime = field(default_factory=ScalingRuntime)
    statistics: MemoryStatistics = field(default_factory=MemoryStatistics)
    inputs: MemoryInputs = field(default_factory=MemoryInputs)
    answers: MemoryAnswers = field(default_factory=MemoryAnswers)

    def __post_init__(self) -> None:
        self.uploads = Uploads(self.inputs, self.clock)
        self.restart()

    def restart(self) -> None:
        """A fresh execution environment: nothing is remembered."""
        self.service = Service(
            authenticator=Authenticator(self.keys, lambda: PEPPER, self.clock),
            catalog=Catalog(self.registry, self.clock),
            models=Models(self.files, self.runtime, budget_bytes=10**6),
            ledger=self.ledger,
            clock=self.clock,
            statistics=StatisticsBuffer(self.statistics, self.clock),
        )

    def application(self) -> Application:
        """The HTTP API over the service."""
        return Application(
            self.service.authenticator,
            server.ENDPOINTS,
            ModelEndpoints(self.service).endpoints(),
            RepositoryEndpoints(self.service).endpoints(),
            StatisticsEndpoints(self.service).endpoints(),
            DocumentationEndpoints(self.service).endpoints(),
            UploadEndpoints(self.uploads).endpoints(),
            InferenceEndpoint(
                self.service, self.clock, self.uploads, LargeAnswers(self.answers, self.clock)
            ).endpoints(),
            OpenAIEndpoints(self.service, self.clock).endpoints(),
            routes=DATA_PLANE,
        )

    @property
    def key_administration(self) -> KeyAdministration:
        return KeyAdministration(self.keys, lambda: PEPPER, self.clock)

    def make_key(self, tenant: str = "acme", terms: KeyTerms | None = None) -> Key:
        return self.key_administration.create(tenant, terms)

    def publish(self, factor: float = 2.0, alias: str = "prod", **changes: Any) -> str:
        files = scaling_artifact(factor, **changes)
        manifest = Manifest.from_json(files[MANIFEST_FILE])
        number = self.registry.reserve_version(manifest.name)
        version = ModelVersion(manifest.name, number, manifest.digest(), manifest.size, int(NOW))
        for path, content in files.items():
            self.files.write(version.prefix, path, content)
        self.registry.add_version(version)
        self.registry.move_alias(manifest.name, alias, number)
        return number
