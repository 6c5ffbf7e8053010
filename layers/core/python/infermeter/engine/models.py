"""Models kept loaded: fetched, verified by digest, and held within a budget of bytes."""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from infermeter.engine.tokenizer import Tokenizer
from infermeter.errors import ModelUnavailable
from infermeter.manifest import MANIFEST_FILE, Manifest

if TYPE_CHECKING:
    from infermeter.engine.runtime import LoadedModel, Runtime
    from infermeter.registry.catalog import ModelVersion

# Manifests kept, by digest: what has one never changes.
MAX_MANIFESTS = 256


class ModelSource(Protocol):
    """Where published files are read from."""

    def read(self, prefix: str, path: str) -> bytes:
        """A file's content; ModelUnavailable if it cannot be had."""
        ...


@dataclass(frozen=True, slots=True)
class ServedModel:
    """A version that is loaded, with its manifest, and its tokenizer if it embeds by one."""

    version: ModelVersion
    manifest: Manifest
    loaded: LoadedModel
    tokenizer: Tokenizer | None = None


class Models:
    """Loads versions on first use; the least recently used leaves when the budget is full."""

    def __init__(self, source: ModelSource, runtime: Runtime, budget_bytes: int) -> None:
        self._source, self._runtime, self._budget = source, runtime, budget_bytes
        self._served: OrderedDict[tuple[str, str], ServedModel] = OrderedDict()
        self._manifests: dict[str, Manifest] = {}

    def get(self, version: ModelVersion) -> ServedModel:
        """The loaded model. Raises ModelUnavailable when its files are not what was published."""
        key = (version.model, version.version)
        served = self._served.get(key)
        if served is None:
            # Before loading: both together might be more than there is memory for.
            self._make_room(version.size)
            served = self._served[key] = self._load(version)
        self._served.move_to_end(key)
        return served

    def manifest(self, version: ModelVersion) -> Manifest:
        """The manifest alone, for those who only describe the model."""
        served = self._served.get((version.model, version.version))
        return served.manifest if served else self._read_manifest(version)

    def forget(self, model: str) -> None:
        """Frees the memory that the model's versions take here; the next call loads them again."""
        for key in [key for key in self._served if key[0] == model]:
            del self._served[key]

    def _load(self, version: ModelVersion) -> ServedModel:
        manifest = self._read_manifest(version)
        files = {file.path: self._source.read(version.prefix, file.path) for file in manifest.files}
        for file in manifest.files:
            _check(f"{version.prefix}{file.path}", files[file.path], file.sha256)
        path = manifest.embedding and manifest.embedding.tokenizer
        tokenizer = Tokenizer(files[path]) if path else None
        return ServedModel(version, manifest, self._runtime.load(files), tokenizer)

    def _read_manifest(self, version: ModelVersion) -> Manifest:
        manifest = self._manifests.get(version.digest)
        if manifest is None:
            raw = self._source.read(version.prefix, MANIFEST_FILE)
            _check(f"{version.prefix}{MANIFEST_FILE}", raw, version.digest.removeprefix("sha256:"))
            if len(self._manifests) >= MAX_MANIFESTS:
                self._manifests.clear()
            manifest = self._manifests[version.digest] = Manifest.from_json(raw)
        return manifest

    def _make_room(self, size: int) -> None:
        held = sum(served.version.size for served in self._served.values())
        while self._served and held + size > self._budget:
            _, gone = self._served.popitem(last=False)
            held -= gone.version.size


def _check(path: str, content: bytes, sha256: str) -> None:
    found = hashlib.sha256(content).hexdigest()
    if found != sha256:
        raise ModelUnavailable(f"{path}: expected SHA-256 {sha256}, got {found}; not served")
