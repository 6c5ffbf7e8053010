"""A synthesized cloud assembly: its stacks in the order of their dependencies, and its assets."""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
from dataclasses import dataclass
from graphlib import TopologicalSorter
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True)
class Asset:
    """A file, or a folder that is uploaded as a zip; bucket and key may hold `${AWS::...}`."""

    path: Path
    packaging: str
    bucket: str
    key: str

    def read(self) -> bytes:
        """What to upload."""
        if self.packaging == "zip" and self.path.is_dir():
            return zip_folder(self.path)
        return self.path.read_bytes()


@dataclass(frozen=True)
class Stack:
    name: str
    template: Path
    assets: tuple[Asset, ...]
    bootstrap_parameter: str | None

    @property
    def template_asset(self) -> Asset | None:
        return next((asset for asset in self.assets if asset.path == self.template), None)


def read_assembly(folder: Path) -> list[Stack]:
    """The stacks of a `cdk.out`, each after those that it depends on."""
    manifest = json.loads((folder / "manifest.json").read_text())
    artifacts: dict[str, dict[str, Any]] = manifest["artifacts"]
    names = [name for name, item in artifacts.items() if item["type"] == "aws:cloudformation:stack"]
    graph = {
        name: [other for other in artifacts[name].get("dependencies", []) if other in names]
        for name in names
    }
    return [_stack(folder, name, artifacts) for name in TopologicalSorter(graph).static_order()]


def fingerprint(folder: Path) -> str:
    """A digest of all that a deployment would send: templates and the assets they name."""
    parts = [item.read_bytes() for item in sorted(folder.glob("*.template.json"))]
    parts += [item.read_bytes() for item in sorted(folder.glob("*.assets.json"))]
    return hashlib.sha256(b"\0".join(parts)).hexdigest()


def zip_folder(folder: Path) -> bytes:
    """The same bytes for the same files: sorted, one date for all, modes kept."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for path in sorted(item for item in folder.rglob("*") if item.is_file()):
            entry = zipfile.ZipInfo(path.relative_to(folder).as_posix(), (1980, 1, 1, 0, 0, 0))
            entry.external_attr = path.stat().st_mode << 16
            entry.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(entry, path.read_bytes(), compresslevel=1)
    return buffer.getvalue()


def _stack(folder: Path, name: str, artifacts: dict[str, dict[str, Any]]) -> Stack:
    properties = artifacts[name].get("properties", {})
    assets: list[Asset] = []
    for other in artifacts[name].get("dependencies", []):
        if artifacts[other]["type"] == "cdk:asset-manifest":
            assets += _assets(folder, artifacts[other]["properties"]["file"])
    return Stack(
        name=properties.get("stackName", name),
        template=folder / properties["templateFile"],
        assets=tuple(assets),
        bootstrap_parameter=properties.get("bootstrapStackVersionSsmParameter"),
    )


def _assets(folder: Path, manifest: str) -> list[Asset]:
    files = json.loads((folder / manifest).read_text())["files"]
    return [
        Asset(
            folder / item["source"]["path"],
            item["source"]["packaging"],
            destination["bucketName"],
            destination["objectKey"],
        )
        for item in files.values()
        for destination in item["destinations"].values()
    ]
