"""Faults of the local DynamoDB that a test asks for, by a file in the state folder.

`faults.json`: `{"table": "...", "operation": "PutItem", "throttled": 0.3, "unacknowledged": 0.1,
"until": 1764000000}`: until that time, this share of the calls is refused with
ThrottlingException, and that share is applied and answered with 500. Nothing but tests writes it.
"""

from __future__ import annotations

import json
import random
import time
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


class Fault(Enum):
    """What befalls a call."""

    THROTTLED = "throttled"
    UNACKNOWLEDGED = "unacknowledged"


@dataclass(frozen=True)
class Plan:
    """The file's content; the shares are of 1, `until` is an epoch time in seconds."""

    table: str
    operation: str = "PutItem"
    throttled: float = 0.0
    unacknowledged: float = 0.0
    until: float = 0.0


class Faults:
    """Decides over each call by the plan that the file holds now; none without the file."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._changed = 0
        self._plan: Plan | None = None

    def of(self, operation: str, body: bytes) -> Fault | None:
        """The fault of this call of DynamoDB."""
        plan = self._read()
        if plan is None or plan.operation != operation or time.time() >= plan.until:
            return None
        if json.loads(body).get("TableName") != plan.table:
            return None
        drawn = random.random()  # noqa: S311 - no secret
        if drawn < plan.throttled:
            return Fault.THROTTLED
        return Fault.UNACKNOWLEDGED if drawn < plan.throttled + plan.unacknowledged else None

    def _read(self) -> Plan | None:
        try:
            changed = self._path.stat().st_mtime_ns
        except OSError:
            return None
        if changed != self._changed:
            self._plan, self._changed = Plan(**json.loads(self._path.read_text())), changed
        return self._plan
