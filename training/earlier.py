"""An earlier result in the folder for a new one."""

from __future__ import annotations

import shutil
from contextlib import suppress
from typing import TYPE_CHECKING

from infermeter.errors import InvalidManifest
from infermeter.manifest import MANIFEST_FILE, Manifest
from training.job import CARD_FILE, REPORT_FILE

if TYPE_CHECKING:
    from pathlib import Path


def remove_earlier(folder: Path) -> None:
    """What an earlier job of this trainer left, lest it pass for the new one's.

    That is what its manifest names, the card, the manifest and `evaluation/`. A folder whose
    manifest is not a trainer's keeps everything. Raises OSError.
    """
    try:
        manifest = Manifest.from_json((folder / MANIFEST_FILE).read_bytes())
    except (FileNotFoundError, InvalidManifest):
        return
    if "recipe" not in manifest.lineage or not (folder / REPORT_FILE).is_file():
        return
    files = [folder / file.path for file in manifest.files]
    for file in (*files, folder / CARD_FILE, folder / MANIFEST_FILE):
        file.unlink(missing_ok=True)
    for below in {file.parent for file in files} - {folder}:
        # Others may have files there.
        with suppress(OSError):
            below.rmdir()
    evaluation = (folder / REPORT_FILE).parent
    if not evaluation.is_symlink():
        shutil.rmtree(evaluation)
