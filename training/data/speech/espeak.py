"""The ten digits, spoken by espeak-ng's voices in its English accents."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import chain
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from training.data.speech.clips import Clip, Clips
from training.data.speech.sound import FULL_SCALE, QUIET, decode, resample, to_int16, trim
from training.errors import InvalidData, MissingSystemPackage

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

PROGRAM = "espeak-ng"
DIGITS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
# Words a minute, and pitch from 0 to 99: 175 and 50 when nothing is said.
SPEEDS = (110, 230)
PITCHES = (15, 85)
# These give the same samples as the other, in espeak-ng 1.51.
_ALIASES = {"caleb": "klatt"}
# Silence between two words: far longer than any inside one, whatever the voice's echo.
_BREAK_S = 2
# What the program writes.
_RATE = 22050


class Manner(NamedTuple):
    """How the digits are said; `voice` is an accent's file, `+`, and a variant's name."""

    voice: str
    speed: int
    pitch: int


def spoken_digits(clips_per_voice: int, rate: int, seed: int) -> Clips:
    """`clips_per_voice` clips of each digit by each voice, decided by the seed and by the voices
    that the program has.

    Raises MissingSystemPackage, and InvalidData where the program does not say the words.
    """
    if shutil.which(PROGRAM) is None:
        raise MissingSystemPackage(PROGRAM)
    wanted = manners(accents(), variants(), clips_per_voice, seed)
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        return Clips.of(list(chain.from_iterable(pool.map(partial(speak, rate=rate), wanted))))


def manners(
    accents: Sequence[str], variants: Sequence[str], clips_per_voice: int, seed: int
) -> list[Manner]:
    """Each variant as often as asked for; accent, speed and pitch are drawn."""
    generator = np.random.default_rng(seed)
    return [
        Manner(
            f"{accents[int(generator.integers(len(accents)))]}+{variant}",
            int(generator.integers(*SPEEDS, endpoint=True)),
            int(generator.integers(*PITCHES, endpoint=True)),
        )
        for variant in variants
        for _ in range(clips_per_voice)
    ]


def speaker(variant: str) -> str:
    """Whose voice it is: `robosoft2` sounds too much like `robosoft7` to judge a model by it that
    was trained on the other."""
    name = re.sub(r"\d+$", "", variant.lower())
    return _ALIASES.get(name, name)


def accents() -> list[str]:
    """The files of English accents.

    Given a language that is no file's name, as in `en-gb+f2`, the program takes no notice of the
    variant and does not say so.
    """
    return _checked(set(re.findall(r"\bgmw/\S+", _listed("en"))), "English accents")


def variants() -> list[str]:
    """The names of voices, which go with any accent."""
    # What a voice speaks beside its own language may stand behind its name.
    found = re.findall(r"!v/(.+?) *(?:\(.*\))?$", _listed("variant"), re.MULTILINE)
    return _checked(set(found), "voice variants")


def speak(manner: Manner, rate: int) -> list[Clip]:
    """The digits in one manner. One process says all: to start it takes ten times as long as to
    say a word."""
    voice, speed, pitch = manner
    text = f'<break time="{_BREAK_S}s"/>'.join(DIGITS)
    spoken = subprocess.run(
        [PROGRAM, "-v", voice, "-s", f"{speed}", "-p", f"{pitch}", "-m", "--stdout", text],
        capture_output=True,
        check=False,
    )
    where = f"{PROGRAM} -v '{voice}' -s {speed} -p {pitch}"
    if spoken.returncode != 0:
        got = spoken.stderr.decode(errors="replace").strip()
        raise InvalidData(where, expected="spoken words", got=got or f"exit {spoken.returncode}")
    words = between_breaks(decode(spoken.stdout, where, _RATE), where)
    name = speaker(voice.partition("+")[2])
    return [
        Clip(f"{where} {word}", word, name, to_rate(samples, rate))
        for word, samples in zip(DIGITS, words, strict=True)
    ]


def between_breaks(samples: NDArray[np.int16], where: str) -> list[NDArray[np.int16]]:
    """What is said between silences of half a break; InvalidData if it is not ten words."""
    loud = np.abs(samples.astype(np.int32))
    places = np.flatnonzero(loud > QUIET * loud.max(initial=0))
    pauses = np.flatnonzero(np.diff(places) > _BREAK_S * _RATE / 2)
    if len(pauses) != len(DIGITS) - 1:
        got = f"{len(pauses) + 1 if len(places) else 0}"
        raise InvalidData(where, expected=f"{len(DIGITS)} words between pauses", got=got)
    firsts = [places[0], *places[pauses + 1]]
    lasts = [*places[pauses], places[-1]]
    return [samples[first : last + 1] for first, last in zip(firsts, lasts, strict=True)]


def to_rate(samples: NDArray[np.int16], rate: int) -> NDArray[np.int16]:
    """The word alone, at the recipe's rate."""
    return trim(to_int16(resample(samples / FULL_SCALE, _RATE, rate)))


def _checked(names: set[str], what: str) -> list[str]:
    if not names:
        raise InvalidData(PROGRAM, expected=f"a list of {what}", got="none")
    return sorted(names)


def _listed(language: str) -> str:
    listed = subprocess.run(
        [PROGRAM, f"--voices={language}"], capture_output=True, text=True, check=False
    )
    return listed.stdout
