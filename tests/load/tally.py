"""What clients themselves count, and the clients: each id is sent until it is answered."""

from __future__ import annotations

import http.client
import json
import random
import threading
import time
import uuid
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Callable

_GIVE_UP_S = 120.0
_REPEATED = 0.25  # the share of answers after which the client asks again, as if it had not come
_POOL = 32


@dataclass
class Tally:
    """Units by id, as the answers said; and how often what was answered."""

    units: dict[str, int] = field(default_factory=dict)
    outcomes: Counter[str] = field(default_factory=Counter)
    contradictions: list[str] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def answered(self, id: str, units: int, billed: str) -> None:
        """A 2xx."""
        with self.lock:
            self.outcomes[billed] += 1
            if self.units.setdefault(id, units) != units:
                self.contradictions.append(f"{id}: {self.units[id]} units, then {units}")

    def failed(self, what: str) -> None:
        """Anything else."""
        with self.lock:
            self.outcomes[what] += 1


@dataclass(frozen=True)
class Request:
    """One id with its body; whoever sends it, it is the same request."""

    id: str
    rows: int

    def body(self) -> bytes:
        """The document."""
        tensor = {
            "name": "x",
            "shape": [self.rows, 3],
            "datatype": "FP32",
            "data": [1.0, 2.0, 3.0] * self.rows,
        }
        return json.dumps({"inputs": [tensor]}).encode()


class Client:
    """One customer's thread: new ids, and ids that other threads send at the same time."""

    def __init__(self, url: str, key: str, tally: Tally, pool: list[Request], seed: int) -> None:
        self._host, self._key, self._tally, self._pool = urlsplit(url).netloc, key, tally, pool
        self._random = random.Random(seed)  # noqa: S311  no secret

    def run(self, go_on: Callable[[], bool]) -> None:
        """Sends until it may not go on; every id that was begun is carried to its answer."""
        while go_on():
            request = self._next()
            self._send(request)
            while self._random.random() < _REPEATED:
                self._send(request)

    def _next(self) -> Request:
        if self._pool and self._random.random() < 0.3:
            return self._random.choice(self._pool)
        made = Request(_id(self._random), self._random.randint(1, 5))
        self._pool.append(made)
        del self._pool[:-_POOL]
        return made

    def _send(self, request: Request) -> None:
        until = time.monotonic() + _GIVE_UP_S
        while not self._attempt(request):
            if time.monotonic() > until:
                raise TimeoutError(f"{request.id}: expected an answer within {_GIVE_UP_S} s")
            time.sleep(self._random.uniform(0.02, 0.3))

    def _attempt(self, request: Request) -> bool:
        connection = http.client.HTTPConnection(self._host, timeout=35)
        try:
            headers = {"x-api-key": self._key, "Idempotency-Key": request.id}
            connection.request("POST", "/v2/models/linear/infer", request.body(), headers)
            answer = connection.getresponse()
            answer.read()
        except (OSError, http.client.HTTPException) as error:
            self._tally.failed(type(error).__name__)
            return False
        finally:
            connection.close()
        if answer.status != 200:
            self._tally.failed(str(answer.status))
            assert answer.status in (429, 500, 502, 503, 504), answer.status
            return False
        units = int(answer.headers["infermeter-units"])
        self._tally.answered(request.id, units, answer.headers["infermeter-billed"])
        return True


def _id(random_: random.Random) -> str:
    """A UUIDv7 of now, or an opaque one."""
    if random_.random() < 0.3:
        return f"order-{uuid.uuid4()}"
    number = int(time.time() * 1000) << 80 | 7 << 76 | 2 << 62
    return str(uuid.UUID(int=number | random_.getrandbits(76) & ~(3 << 62)))
