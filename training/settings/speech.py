"""What a recipe for spoken words sets."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from training.settings.ranges import Range


@dataclass(frozen=True, slots=True)
class SpeechData:
    """What is trained on, and how training clips are changed each time they are seen.

    `spoken_digits` are the ten digits, synthesized by espeak-ng where no channel brings them:
    `clips_per_voice` of each word by each voice; `clips` are whatever words the channel has. Each
    is laid into `seconds` at `sample_rate` per second. The fractions are of the voices, or
    speakers: none is in two splits. A clip without sound stops the job, or is dropped.

    Changes: `speed_range` is the largest factor of faster or slower, pitch included;
    `shift_seconds` the largest move; `equalizer_db` the largest gain or loss of a band;
    `narrow_share` of the clips lose what lies above some frequency, as over a telephone;
    `masked_band` and `masked_seconds` the widest part of the spectrum and of time that is
    silenced; noise comes at a ratio between `noise_db_low` and `noise_db_high`, and not at all to
    `clean_share` of the clips.
    """

    source: Literal["spoken_digits", "clips"]
    sample_rate: Annotated[int, Range(4000, 48000)]
    seconds: Annotated[float, Range(0.1, 60.0)]
    validation_fraction: Annotated[float, Range(0.01, 0.4)]
    test_fraction: Annotated[float, Range(0.01, 0.4)]
    clips_per_voice: Annotated[int, Range(1, 100)] = 4
    silent: Literal["stop", "drop"] = "stop"
    speed_range: Annotated[float, Range(1.0, 2.0)] = 1.0
    shift_seconds: Annotated[float, Range(0.0, 10.0)] = 0.0
    equalizer_db: Annotated[float, Range(0.0, 40.0)] = 0.0
    narrow_share: Annotated[float, Range(0.0, 1.0)] = 0.0
    masked_band: Annotated[float, Range(0.0, 0.5)] = 0.0
    masked_seconds: Annotated[float, Range(0.0, 10.0)] = 0.0
    noise_db_low: Annotated[float, Range(-20.0, 100.0)] = 0.0
    noise_db_high: Annotated[float, Range(-20.0, 100.0)] = 40.0
    clean_share: Annotated[float, Range(0.0, 1.0)] = 1.0


@dataclass(frozen=True, slots=True)
class SpeechNetworkSettings:
    """`mel_bands` of the spectrum in frames of `frame_ms`, one every `hop_ms`.

    Then convolutions over bands and time with `spectrum_channels`, each of which halves the bands
    and the first the frames, and over time alone with `time_channels`, each but the first of which
    halves the frames. `dropout` is the share of the last layer's values that a training step
    leaves out.
    """

    mel_bands: Annotated[int, Range(8, 128)]
    frame_ms: Annotated[float, Range(5.0, 100.0)]
    hop_ms: Annotated[float, Range(1.0, 100.0)]
    spectrum_channels: tuple[Annotated[int, Range(1, 4096)], ...]
    time_channels: tuple[Annotated[int, Range(1, 4096)], ...]
    dropout: Annotated[float, Range(0.0, 0.95)] = 0.0
