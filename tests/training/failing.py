"""The trainer, whose second process fails in the middle."""

from __future__ import annotations

import os

from training import train


class Failing(train.StopRequest):
    """Asked before each step."""

    def __init__(self) -> None:
        super().__init__()
        self._steps = 0

    def __call__(self) -> bool:
        self._steps += 1
        if self._steps == 5 and os.environ["RANK"] == "1":
            raise ZeroDivisionError("the second process, at step 5")
        return super().__call__()


if __name__ == "__main__":
    train.StopRequest = Failing  # type: ignore[misc]
    train.leave(train.main())
