"""The part of a clip that the network hears, as `training.data.speech.sound.lay` takes it."""

from __future__ import annotations

import torch
from torch.nn import functional

from training.data.speech.sound import QUIET

# Of a clip with too much sound, the loudest part begins at one of so many places in its length.
_PLACES = 100


def heard(audio: torch.Tensor, length: int) -> torch.Tensor:
    """Samples, float32 [rows, samples], to float32 [rows, length]: each row's own without the
    quiet before and after, in the middle of silence; of one that is longer without it the part
    with the most energy."""
    missing = torch.sym_max(length - audio.shape[1], 0)  # type: ignore[no-untyped-call]
    audio = functional.pad(audio, (0, missing))
    samples = audio.shape[1]
    places = torch.arange(samples, device=audio.device)
    loudness = audio.abs()
    loud = loudness > QUIET * loudness.amax(dim=1, keepdim=True)
    begin = torch.where(loud, places, samples).amin(dim=1, keepdim=True)
    end = torch.where(loud, places + 1, 0).amax(dim=1, keepdim=True)
    step = max(1, length // _PLACES)
    energy = functional.avg_pool1d(audio.square()[:, None], length, step).squeeze(1)
    loudest = energy.argmax(dim=1, keepdim=True) * step
    middle = begin - (length - (end - begin)) // 2
    first = torch.where(end - begin > length, loudest, middle)
    taken = first + torch.arange(length, device=audio.device)
    inside = (taken >= begin) & (taken < end)
    return torch.where(inside, audio.gather(1, taken.clamp(0, samples - 1)), 0)
