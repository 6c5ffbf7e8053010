"""All schedules of a scene: it is run again and again, each time with other choices made in it.

The exploration keeps no state but the path of choices (stateless search, depth first): the next
run repeats the path up to its last choice that has an alternative left, takes that, and goes on
with first alternatives. A scene must be deterministic but for what it asks.
"""

from __future__ import annotations

import gc
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

Option = TypeVar("Option")
# Each run of a handler freezes what was imported; what is dropped must be freed all the same.
_COLLECT_EVERY = 2000
_SHOWN = 3
# So many violations end an exploration.
_ENOUGH = 20


class Choice(NamedTuple):
    """What was asked, out of how many, and which was taken."""

    what: str
    options: int
    number: int


class Chooser:
    """Makes the choices of one run: those of a path first, then the first of each."""

    def __init__(self, path: Sequence[Choice] = ()) -> None:
        self._path = path
        self.taken: list[Choice] = []
        self.story: list[str] = []

    def choose(self, what: str, options: Sequence[Option]) -> Option:
        """One of the options; a single one is no choice."""
        if len(options) == 1:
            return options[0]
        place, number = len(self.taken), 0
        if place < len(self._path):
            asked, number = self._path[place], self._path[place].number
            if (asked.what, asked.options) != (what, len(options)):
                raise RuntimeError(f"not repeated: expected '{asked.what}', got '{what}'")
        self.taken.append(Choice(what, len(options), number))
        self.story.append(f"{what}: {options[number]}")
        return options[number]

    def next_path(self) -> list[Choice] | None:
        """The path of the run after this one, None after the last."""
        if len(self.taken) < len(self._path):
            raise RuntimeError(f"not repeated: '{self._path[len(self.taken)].what}' is not asked")
        taken = list(self.taken)
        while taken and taken[-1].number + 1 == taken[-1].options:
            taken.pop()
        if not taken:
            return None
        last = taken.pop()
        return [*taken, last._replace(number=last.number + 1)]


@dataclass
class Exploration:
    """What came of all schedules of a scene."""

    scene: str
    schedules: int = 0
    violations: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        return f"{self.scene}: {self.schedules} schedules, {len(self.violations)} violations"


def explore(name: str, *acts: Callable[..., Any]) -> Exploration:
    """Runs a scene along every path of choices. A failed assertion is a violation.

    A scene of several acts is a tree: each is called with the chooser and with what the one before
    it returned, which it must leave as it was, since it is called again with the same for each of
    its own paths. The first act is given the chooser alone.
    """
    found = Exploration(name)
    try:
        _explore(found, acts, (), [])
    finally:
        gc.unfreeze()
    return found


def _explore(
    found: Exploration,
    acts: Sequence[Callable[..., Any]],
    given: tuple[Any, ...],
    story: list[str],
) -> None:
    path: list[Choice] | None = []
    while path is not None and len(found.violations) < _ENOUGH:
        chooser = Chooser(path)
        try:
            state = acts[0](chooser, *given)
        except AssertionError as error:
            found.schedules += 1
            found.violations.append(f"{'; '.join(story + chooser.story)}\n  {error}")
        else:
            if len(acts) > 1:
                _explore(found, acts[1:], (state,), story + chooser.story)
            else:
                found.schedules += 1
                if found.schedules % _COLLECT_EVERY == 0:
                    gc.unfreeze()
                    gc.collect()
        path = chooser.next_path()


def told(violations: Sequence[str]) -> str:
    """The first few, for an assertion's message."""
    more = len(violations) - _SHOWN
    return "\n".join([*violations[:_SHOWN], *([f"... and {more} more"] if more > 0 else [])])
