"""The port to a vendor, and what each is known to bear.

| vendor | counts once by | remembers it for | sent again for |
|---|---|---|---|
| OpenMeter | `source` and `id` | 32 d (its published configuration) | 31 d |
| Stripe | `identifier`; customer, meter, hour | 24 h at least; 35 d | 34 d |
| Marketplace | licence or customer, dimension, hour | as long as it takes the hour | 24 h |
| CSV | its place: the same bytes | ever | ever |

Stripe's second identity needs a meter whose `event_time_window` is `hour`: only the latest event
of a customer in an hour counts. A row with an attempt that had no answer is not sent after that:
it fails, and the operator says whether it was counted.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from infermeter.export.outbox import Row

TOO_MANY, CONFLICT = 429, 409
_NOT_THE_ROWS_FAULT = (401, 403, 408, TOO_MANY)


class Verdict(Enum):
    """What an attempt came to."""

    COUNTED = "counted, now or before"
    REFUSED = "not counted, nor will it be as it is"
    DEFERRED = "not counted; may be later"
    UNKNOWN = "no answer: may have been counted"


class Delivery(NamedTuple):
    """The fate of one row of an attempt. `note` is the vendor's own words, or its receipt."""

    row: Row
    verdict: Verdict
    note: str = ""


@dataclass(frozen=True, slots=True)
class Terms:
    """What a vendor bears: rows in a request, negative quantities, the largest quantity, the age
    (s) at which an hour is planned no more, and how long (s) it counts a resent row once.

    `zeroes` says that an hour is sent even if it comes to nothing.
    """

    batch: int
    negatives: bool = False
    largest: int = 10**15
    hour_s: float | None = None
    memory_s: float | None = None
    zeroes: bool = False

    def late(self, start: datetime, now: float) -> bool:
        """Whether an hour that began then is not to be planned for this vendor any more."""
        return self.hour_s is not None and now - start.timestamp() >= self.hour_s

    def forgotten(self, first_at: int, now: float) -> bool:
        """Whether a row first sent then might be counted twice if it were sent again."""
        return self.memory_s is not None and now - first_at >= self.memory_s

    def fitting(self, total: int) -> int:
        """As much of a quantity as may be sent."""
        return max(-self.largest if self.negatives else 0, min(total, self.largest))


class Vendor(Protocol):
    """Whom rows are sent to."""

    @property
    def terms(self) -> Terms:
        """What it bears."""
        ...

    def ready(self) -> None:
        """Raises an InfermeterError where nothing can be sent; asked before rows are claimed."""
        ...

    def requests(self, rows: Sequence[Row]) -> list[dict[str, Any]]:
        """The requests that would carry these rows, without secrets."""
        ...

    def deliver(self, rows: Sequence[Row]) -> list[Delivery]:
        """Sends rows, `terms.batch` at most; the fate of each."""
        ...


class Post(NamedTuple):
    """An HTTP POST."""

    url: str
    headers: dict[str, str]
    body: bytes


class Answer(NamedTuple):
    """What a vendor answered: a status and its body, or an error's name."""

    status: int
    body: bytes

    def says(self) -> str:
        """The answer on a line, for a row's error."""
        return f"{self.status} {self.body.decode(errors='replace')[:300]}".strip()


class Silence(NamedTuple):
    """No answer came. `reached` says that the request may have arrived."""

    reason: str
    reached: bool


class Poster(Protocol):
    """Sends a POST, within a time-out, following no redirect."""

    def __call__(self, post: Post) -> Answer | Silence:
        """The answer, or why there is none."""
        ...


def verdict_of(answer: Answer | Silence) -> Verdict:
    """What an answer means, where the vendor has no rule of its own.

    A 5xx may come from between the vendor and us, and a 409 while another attempt is under way:
    neither says that nothing was counted. 401, 403 and a redirect are
    the configuration's fault, not the row's.
    """
    if isinstance(answer, Silence):
        return Verdict.UNKNOWN if answer.reached else Verdict.DEFERRED
    if 200 <= answer.status < 300:
        return Verdict.COUNTED
    if answer.status in _NOT_THE_ROWS_FAULT or 300 <= answer.status < 400:
        return Verdict.DEFERRED
    if 400 <= answer.status < 500 and answer.status != CONFLICT:
        return Verdict.REFUSED
    return Verdict.UNKNOWN


def note_of(answer: Answer | Silence) -> str:
    """An answer in words."""
    return answer.reason if isinstance(answer, Silence) else answer.says()
