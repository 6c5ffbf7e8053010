"""Processes that run at once, one step at a time: who goes next is a choice like any other."""

from __future__ import annotations

from threading import Semaphore, Thread
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tests.proof.schedules import Chooser

_STUCK_S = 60


class Turns:
    """Each process runs in a thread of its own, and only while it is its turn.

    `step` is to be called by a process right before each of its changes, with how many it has made.
    """

    def __init__(self, chooser: Chooser, processes: Mapping[str, Callable[[], object]]) -> None:
        self._chooser, self._processes = chooser, processes
        self._turn = {name: Semaphore(0) for name in processes}
        self._back = Semaphore(0)
        self._running = list(processes)
        self._made = dict.fromkeys(processes, 0)
        self._errors: list[BaseException] = []

    def run(self) -> None:
        """Runs all to their ends; raises the first error of one."""
        threads = [Thread(target=self._live, args=(name,), daemon=True) for name in self._processes]
        for thread in threads:
            thread.start()
        while self._running:
            self._turn[self._chooser.choose("next", tuple(self._running))].release()
            if not self._back.acquire(timeout=_STUCK_S):
                raise RuntimeError("a process does not come back")
        for thread in threads:
            thread.join()
        if self._errors:
            raise self._errors[0]

    def step(self, name: str, made: int) -> None:
        """Gives the turn away, once for each change."""
        if made > self._made[name]:
            self._made[name] = made
            self._back.release()
            self._turn[name].acquire()

    def _live(self, name: str) -> None:
        self._turn[name].acquire()
        try:
            self._processes[name]()
        except BaseException as error:  # noqa: BLE001  told to who waits for it
            self._errors.append(error)
        finally:
            self._running.remove(name)
            self._back.release()
