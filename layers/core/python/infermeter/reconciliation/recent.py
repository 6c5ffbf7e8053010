"""What the logs say of the hours that are too young to be checked."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from infermeter.reconciliation.answers import SLACK_MS
from infermeter.reconciliation.evidence import Evidence, weigh

if TYPE_CHECKING:
    from infermeter.reconciliation.answers import AccessLog, FunctionLog


class Recent:
    """Replays and pending charges of the last hours, read when first asked for."""

    def __init__(self, access: AccessLog, function: FunctionLog, start: int, end: int) -> None:
        self._access, self._function = access, function
        self._start, self._end = start, end

    @cached_property
    def evidence(self) -> Evidence:
        """Their evidence; the gateway's log is read for those attempts alone."""
        told = list(self._function.passages(self._start, self._end))
        wanted = {passage.gateway for passage in told}
        delivered, failed = set[bytes](), set[bytes]()
        if wanted:
            for answer in self._access.answers(self._start - SLACK_MS, self._end + SLACK_MS):
                if answer.gateway in wanted:
                    (delivered if answer.delivered else failed).add(answer.gateway)
        return weigh(told, delivered, failed)
