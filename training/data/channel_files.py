"""What files a channel has, so that a model can be traced to its data."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

# More are told of by their number, size and digest, and named in the listing alone.
MOST_NAMED = 100


class ChannelFile(NamedTuple):
    """A file's path below the channel, its size in bytes, and its SHA-256 in hex."""

    path: str
    size: int
    sha256: str


def channel_files(channel: Path | None) -> tuple[ChannelFile, ...]:
    """All files of a channel in the order of their paths; none without one."""
    if channel is None:
        return ()
    found = []
    for file in channel.rglob("*"):
        if file.is_file():
            with file.open("rb") as content:
                digest = hashlib.file_digest(content, "sha256").hexdigest()
            path = file.relative_to(channel).as_posix()
            found.append(ChannelFile(path, file.stat().st_size, digest))
    return tuple(sorted(found))


def listing(files: Sequence[ChannelFile]) -> bytes:
    """A line for each file, as `sha256sum --check` reads it in the channel's folder."""
    return "".join(f"{file.sha256}  {file.path}\n" for file in files).encode()


def files_lineage(files: Sequence[ChannelFile]) -> dict[str, Any]:
    """`channel`: how many files, their bytes, the digest of their listing; and `files`, each of
    them, if they are few. Nothing where there was no channel."""
    if not files:
        return {}
    digest = hashlib.sha256(listing(files)).hexdigest()
    size = sum(file.size for file in files)
    return {
        "channel": {"files": len(files), "bytes": size, "sha256": digest},
        "files": [file._asdict() for file in files] if len(files) <= MOST_NAMED else [],
    }
