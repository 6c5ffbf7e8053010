"""What goes wrong meanwhile: processes are killed, the ledger throttles and loses answers."""

from __future__ import annotations

import json
import os
import random
import signal
import time
from collections import Counter
from contextlib import suppress
from typing import TYPE_CHECKING

from infra.local import stack, state

if TYPE_CHECKING:
    from collections.abc import Callable, Collection
    from pathlib import Path


class Killer:
    """Ends one process after another of some functions, without warning.

    A queue shows the messages of a dead consumer again after six time-outs: who kills those waits.
    """

    def __init__(self, functions: Collection[str], seed: int) -> None:
        self._functions = functions
        self._random = random.Random(seed)  # noqa: S311  no secret
        self.killed: Counter[str] = Counter()

    def run(self, go_on: Callable[[], bool]) -> None:
        """About one a second."""
        while go_on():
            time.sleep(self._random.uniform(0.5, 1.5))
            running = [each for each in stack.environments() if each[0] in self._functions]
            if running:
                name, pid = self._random.choice(running)
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
                    self.killed[name] += 1


def throttle(home: Path, table: str, seconds: float) -> None:
    """Of the puts into the ledger some are refused, and some applied without an answer."""
    plan = {
        "table": table,
        "operation": "PutItem",
        "throttled": 0.4,
        "unacknowledged": 0.2,
        "until": time.time() + seconds,
    }
    state.faults(home).write_text(json.dumps(plan))
