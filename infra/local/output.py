"""The lines that a child process writes, each with the time of its arrival."""

from __future__ import annotations

import os
import select
import threading
import time
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

_CHUNK = 65536


@dataclass(frozen=True)
class Line:
    time_ms: int  # Unix time
    text: str


class Output:
    """Collects what comes out of a pipe; `drain` gives all that was written up to now."""

    def __init__(self, pipe: IO[bytes], *, on_end: Callable[[], None]) -> None:
        self._pipe = pipe
        self._lines: list[Line] = []
        self._rest = b""
        self._open = True
        self._lock = threading.Lock()
        self._on_end = on_end
        os.set_blocking(pipe.fileno(), False)
        threading.Thread(target=self._follow, name="process-output", daemon=True).start()

    def drain(self) -> list[Line]:
        """Take the lines so far, a last one without its line end among them."""
        with self._lock:
            self._read_available()
            if self._rest:
                self._keep(self._rest)
                self._rest = b""
            lines, self._lines = self._lines, []
        return lines

    def _follow(self) -> None:
        while self._open:
            select.select([self._pipe], [], [])
            with self._lock:
                self._read_available()
        self._on_end()

    def _read_available(self) -> None:
        while self._open:
            try:
                chunk = os.read(self._pipe.fileno(), _CHUNK)
            except BlockingIOError:
                return
            if not chunk:
                self._open = False
                self._pipe.close()
                return
            *lines, self._rest = (self._rest + chunk).split(b"\n")
            for line in lines:
                self._keep(line)

    def _keep(self, line: bytes) -> None:
        # Runtimes write a record of more than one line with "\r" between them.
        text = line.decode(errors="replace").replace("\r", "\n").rstrip("\n")
        self._lines.append(Line(time.time_ns() // 1_000_000, text))
