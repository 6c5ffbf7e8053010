"""What may become of an AWS call, and of the process that makes it.

Every call that changes something is a choice point. Death is an exception that no handler catches;
what a dying process still calls (its `finally` clauses would) has no effect.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from enum import Enum
from functools import partial
from itertools import count
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError, ReadTimeoutError

from tests.proof.account import pages, refused

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from tests.proof.account import Account
    from tests.proof.schedules import Chooser

_CHANGES = frozenset(
    {
        "put_item",
        "update_item",
        "delete_item",
        "transact_write_items",
        "batch_write_item",
        "put_object",
        "delete_object",
        "send_message",
    }
)


class Ending(Enum):
    """How a call that changes something ends."""

    ACKNOWLEDGED = "applied, acknowledged"
    RETRIED = "applied, the acknowledgement lost, applied again by the SDK's retry"
    UNANSWERED = "applied, and no attempt of the SDK was answered"
    APPLIED_THEN_DIED = "applied, and the process dies"
    LATE = "not answered, and applied at some later time"
    REFUSED = "not applied, throttled"
    DIED = "the process dies before it"

    def __str__(self) -> str:
        return self.name.lower()


class Reading(Enum):
    """How a call that changes nothing ends."""

    ANSWERED = "answered"
    UNANSWERED = "no answer"

    def __str__(self) -> str:
        return self.name.lower()


ALL = tuple(each for each in Ending if each is not Ending.LATE)
# Counts and last uses are written after the answer is made, and are no part of the bill.
ASIDE = frozenset({"limits", "statistics"})
# What a retry of the SDK's does is done by the other endings too, where there are many calls.
FEWER = (Ending.ACKNOWLEDGED, Ending.UNANSWERED, Ending.APPLIED_THEN_DIED, Ending.REFUSED)
CALM = (Ending.ACKNOWLEDGED,)


_TOKENS = count()


class Died(BaseException):
    """The process is gone."""


@dataclass
class Faults:
    """The weather of one process: which endings its calls may have.

    `at_change` is called right before and right after each change takes effect: another process
    may act there. `reads` names the operations that may go unanswered.
    """

    chooser: Chooser
    endings: Sequence[Ending] = ALL
    name: str = ""
    exempt: frozenset[str] = ASIDE
    reads: frozenset[str] = frozenset()
    at_change: Callable[[], None] = lambda: None
    most: float = math.inf
    dead: bool = False
    calls: list[str] = field(default_factory=list)
    late: list[Callable[[], Any]] = field(default_factory=list)

    def clients(self, account: Account) -> Callable[..., Any]:
        """The client factory of the process."""
        return lambda service_name, **_: Client(self, account, service_name)

    def read(self, label: str, answer: Callable[[], Any]) -> Any:
        """A call that changes nothing."""
        if self.dead:
            raise Died
        if label in self.reads:
            options = tuple(Reading)[: 1 if self.endings == CALM else 2]
            if self.chooser.choose(f"{self.name} {label}", options) is Reading.UNANSWERED:
                raise ReadTimeoutError(endpoint_url=label)
        return answer()

    def change(self, label: str, where: str, apply: Callable[[], Any]) -> Any:
        """A call that changes something."""
        if self.dead:
            raise Died
        self.calls.append(f"{label} {where}")
        if where in self.exempt:
            return apply()
        endings = self.endings if self.most else CALM
        ending = self.chooser.choose(f"{self.name} {label} {where}", endings)
        self.most -= ending is not Ending.ACKNOWLEDGED
        self.at_change()
        if ending is Ending.DIED:
            self._die()
        if ending is Ending.REFUSED:
            raise refused(label, "ThrottlingException")
        if ending is Ending.LATE:
            self.late.append(lambda: _answer(apply))
            raise ReadTimeoutError(endpoint_url=label)
        answer = _answer(apply)
        if ending is Ending.RETRIED:
            answer = _answer(apply)
        if ending is Ending.APPLIED_THEN_DIED:
            self._die()
        self.at_change()
        if ending is Ending.UNANSWERED:
            raise ReadTimeoutError(endpoint_url=label)
        if isinstance(answer, ClientError):
            raise answer
        return answer

    def _die(self) -> None:
        self.dead = True
        raise Died


class Meanwhile:
    """What another process does, at one of the moments at which it may, or afterwards."""

    def __init__(self, chooser: Chooser, act: Callable[[], object]) -> None:
        self._chooser, self._act = chooser, act
        self._done = False

    def __call__(self) -> None:
        if not self._done and self._chooser.choose("the other acts now", (False, True)):
            self.finish()

    def finish(self) -> None:
        """It acts now if it has not yet."""
        if not self._done:
            self._done = True
            self._act()


class Client:
    """A client of one service whose calls end as the weather has it."""

    def __init__(self, faults: Faults, account: Account, service: str) -> None:
        self._faults, self._service = faults, account.service(service)

    def __getattr__(self, operation: str) -> Any:
        method = getattr(self._service, operation)
        if operation in _CHANGES:
            return partial(self._change, operation, method)
        return lambda **call: self._faults.read(operation, partial(method, **call))

    def get_paginator(self, operation: str) -> Any:
        """Pages of an operation, each read by itself."""
        return _Paginator(partial(pages, getattr(self, operation)))

    def _change(self, operation: str, method: Callable[..., Any], **call: Any) -> Any:
        if operation == "transact_write_items":
            # botocore gives each call a token, which its own retries repeat.
            call.setdefault("ClientRequestToken", f"call-{next(_TOKENS)}")
        return self._faults.change(operation, _where(call), partial(method, **call))


@dataclass
class _Paginator:
    paginate: Callable[..., Any]


def _answer(apply: Callable[[], Any]) -> Any:
    """What the service answers, an error of its own among it."""
    try:
        return apply()
    except ClientError as error:
        return error


def _where(call: dict[str, Any]) -> str:
    for name in ("TableName", "Bucket", "QueueUrl"):
        if name in call:
            return str(call[name])
    acts = call.get("TransactItems")
    if acts:
        ((_, act),) = acts[0].items()
        return str(act["TableName"])
    return ",".join(call.get("RequestItems", {}))
