"""The same words by another synthesizer, whose voices no recipe trains on."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from training.data.speech.clips import Clip, Clips
from training.data.speech.sound import decode, trim
from training.errors import InvalidData

if TYPE_CHECKING:
    from collections.abc import Sequence

PROGRAM = "flite"
# Diphones of one man at 8 and 16 kHz, and two men and a woman: all but a clock that tells time.
VOICES = ("kal", "kal16", "awb", "rms", "slt")
# Of its own duration.
STRETCHES = (0.8, 0.9, 1.0, 1.1, 1.25)


def unseen_clips(words: Sequence[str], rate: int) -> Clips | None:
    """Each word by each voice, in five durations; None where the program is not installed.

    Raises InvalidData where it says no word.
    """
    if shutil.which(PROGRAM) is None:
        return None
    wanted = [(word, voice, stretch) for word in words for voice in VOICES for stretch in STRETCHES]
    with (
        tempfile.TemporaryDirectory(prefix="infermeter-") as folder,
        ThreadPoolExecutor(os.cpu_count()) as pool,
    ):
        found = pool.map(
            partial(_speak, rate=rate, folder=Path(folder)), *zip(*wanted, strict=True)
        )
        return Clips.of(list(found))


def _speak(word: str, voice: str, stretch: float, rate: int, folder: Path) -> Clip:
    file = folder / f"{voice}_{stretch}_{word}.wav"
    setting = f"duration_stretch={stretch}"
    spoken = subprocess.run(
        [PROGRAM, "-voice", voice, "--setf", setting, "-t", word, "-o", str(file)],
        capture_output=True,
        check=False,
    )
    where = f"{PROGRAM} -voice {voice} --setf {setting} -t {word}"
    if spoken.returncode != 0 or not file.exists():
        got = spoken.stderr.decode(errors="replace").strip()
        raise InvalidData(where, expected="a spoken word", got=got or f"exit {spoken.returncode}")
    return Clip(where, word, voice, trim(decode(file.read_bytes(), where, rate)))
