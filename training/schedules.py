"""Schedules of the learning rate: a function of the step alone, so that resuming needs no state."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, assert_never

if TYPE_CHECKING:
    from training.settings.sections import TrainingSettings


def rate_fraction(settings: TrainingSettings, step: int, steps_per_epoch: int) -> float:
    """What part of `settings.learning_rate` the step of this number, from 0, is taken with.

    Warm-up rises in equal parts to 1 at its last step. From there `linear` and `cosine` (half a
    wave, https://arxiv.org/abs/1608.03983) fall to `final_fraction`, which the step after the
    last would have; `step` takes the fraction `decay` every `step_epochs` epochs, at once;
    `exponential` takes it every epoch, a little at each step.
    """
    warmup = round(settings.warmup_epochs * steps_per_epoch)
    if step < warmup:
        return (step + 1) / warmup
    after = step - warmup
    final = settings.final_fraction
    # Beyond 0 only where a step is, and there is one here.
    done = after / (settings.epochs * steps_per_epoch - warmup)
    match settings.schedule:
        case "constant":
            return 1.0
        case "linear":
            return 1.0 - (1.0 - final) * done
        case "cosine":
            return final + (1.0 - final) * (1.0 + math.cos(math.pi * done)) / 2.0
        case "step":
            return float(settings.decay ** (after // (settings.step_epochs * steps_per_epoch)))
        case "exponential":
            return float(settings.decay ** (after / steps_per_epoch))
        case _:
            assert_never(settings.schedule)
