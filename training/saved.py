"""The tensors of a checkpoint in files, each process's parts, by torch.distributed.checkpoint."""

from __future__ import annotations

import json
import pickle
import warnings
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from torch.distributed.checkpoint.api import CheckpointException
from torch.distributed.checkpoint.default_planner import DefaultSavePlanner
from torch.distributed.checkpoint.filesystem import FileSystemReader, FileSystemWriter
from torch.distributed.checkpoint.metadata import TensorStorageMetadata
from torch.distributed.checkpoint.state_dict_loader import load as load_tensors
from torch.distributed.checkpoint.state_dict_saver import save as save_tensors

from training.errors import InvalidCheckpoint

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import torch
    from torch import Tensor

    from training.world import World

MANIFEST = "manifest.json"
# DCP's own name for it begins with a dot, and what is hidden may be left behind.
METADATA = "metadata"
# What files of another content make of DCP.
UNREADABLE = (
    CheckpointException,
    *(OSError, RuntimeError, EOFError, pickle.UnpicklingError),
    *(AssertionError, AttributeError, IndexError, KeyError, TypeError, ValueError),
)


class Snapshot(NamedTuple):
    """What a run goes on from: tensors by name, and the rest, fit for JSON."""

    tensors: Mapping[str, Tensor]
    document: Mapping[str, Any]


class Saved(NamedTuple):
    """A snapshot that `processes` processes left in a folder, its tensors still there.

    `inputs` is the digest of what it was made from, `shapes` has the whole tensors' sizes.
    """

    folder: Path
    inputs: str
    processes: int
    document: dict[str, Any]
    shapes: dict[str, tuple[torch.Size, torch.dtype]]

    @property
    def ranks(self) -> range:
        """Of the processes that left it."""
        return range(self.processes)

    def read(self, tensors: Mapping[str, Tensor], world: World) -> None:
        """Fill the tensors, or the parts of them that are here, by their names.

        Raises InvalidCheckpoint.
        """
        with _plainly(), _readable(self.folder):
            load_tensors(
                dict(tensors), storage_reader=_Reader(self.folder), no_dist=world.size == 1
            )


def write(folder: Path, inputs: str, snapshot: Snapshot, world: World) -> None:
    """Every process takes part; the folder is whole once the manifest is there."""
    with _plainly():
        save_tensors(
            dict(snapshot.tensors),
            storage_writer=_Writer(folder),
            # What all have alike is the first process's, whose weights are exported.
            planner=DefaultSavePlanner(dedup_save_to_lowest_rank=True),
            no_dist=world.size == 1,
        )
    own = [*folder.glob(f"__{world.rank}_*")]
    own += [folder / METADATA] if world.leads else []
    files = world.gather({file.name: file.stat().st_size for file in own})
    if world.leads:
        manifest = {
            "inputs": inputs,
            "processes": world.size,
            "files": {name: size for part in files for name, size in part.items()},
            "state": snapshot.document,
        }
        unfinished = folder / "manifest.part"
        unfinished.write_text(json.dumps(manifest), encoding="utf-8")
        unfinished.replace(folder / MANIFEST)


def is_whole(folder: Path) -> bool:
    """Whether every file that the manifest names is there, of its size."""
    try:
        files = json.loads((folder / MANIFEST).read_bytes())["files"]
        return all((folder / name).stat().st_size == size for name, size in files.items())
    except (OSError, ValueError, KeyError):
        return False


def open_saved(folder: Path) -> Saved:
    """What lies in a folder that is whole. Raises InvalidCheckpoint."""
    with _readable(folder):
        manifest = json.loads((folder / MANIFEST).read_bytes())
        entries = _Reader(folder).read_metadata().state_dict_metadata
        shapes = {
            name: (entry.size, entry.properties.dtype)
            for name, entry in entries.items()
            if isinstance(entry, TensorStorageMetadata)
        }
        inputs, processes = manifest["inputs"], manifest["processes"]
        return Saved(folder, inputs, processes, manifest["state"], shapes)


class _Writer(FileSystemWriter):
    def _get_metadata_path(self, rank: int | None = None) -> Path:
        del rank
        return Path(self.path) / METADATA


class _Reader(FileSystemReader):
    def _get_metadata_path(self, rank: int | None = None) -> Path:
        del rank
        return Path(self.path) / METADATA


@contextmanager
def _readable(folder: Path) -> Iterator[None]:
    try:
        yield
    except UNREADABLE:
        raise InvalidCheckpoint(folder.parent.resolve(), got="a file that cannot be read") from None


@contextmanager
def _plainly() -> Iterator[None]:
    """DCP warns of a process that is alone, which most are."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "torch.distributed is disabled", UserWarning)
        yield
