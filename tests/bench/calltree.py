"""What each of our functions takes within a request, whatever they are called.

One traced request gives the tree of calls. Then each function found is timed on its own, by a
wrapper around it alone, in requests that are not traced: a profiler's cost on every call would
outweigh functions that take less than a microsecond.
"""

from __future__ import annotations

import statistics
import sys
import time
from dataclasses import dataclass
from types import CodeType, FunctionType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import FrameType, ModuleType

    from tests.bench.blocks import Contender

_PACKAGE = "infermeter"


@dataclass
class Called:
    """A function within one request: `microseconds` are of all its calls there together.

    None for what cannot be wrapped: a closure, or what an object made earlier holds on to.
    """

    code: CodeType
    depth: int
    name: str
    calls: int = 1
    microseconds: float | None = None

    @property
    def label(self) -> str:
        """Its name, indented below its first caller's."""
        return "  " * self.depth + self.name


def measure_calls(contender: Contender, handler: ModuleType, *, calls: int) -> list[Called]:
    """Our functions in the order of their first call, timed over so many requests each."""
    contender.run_block(max(2, calls // 10))
    modules = [handler, *_core()]
    called = _trace(contender, {module.__file__ for module in modules})
    functions = {function.__code__: (name, function) for name, function in _functions(modules)}
    cost = _cost_of_wrapping()
    for each in called:
        if each.code in functions:
            each.name, function = functions[each.code]
            spent = _time(contender, function, modules, calls)
            each.microseconds = spent and max(0.0, spent - each.calls * cost) * 1e6
    return called


def _core() -> list[ModuleType]:
    return [
        module
        for name, module in list(sys.modules.items())
        if name == _PACKAGE or name.startswith(f"{_PACKAGE}.")
    ]


def _trace(contender: Contender, files: set[str | None]) -> list[Called]:
    found: dict[CodeType, Called] = {}
    depth = 0

    def profile(frame: FrameType, event: str, _: Any) -> None:
        nonlocal depth
        code = frame.f_code
        # A dataclass's generated __init__ has no file, but its module's globals.
        ours = code.co_filename in files or frame.f_globals.get("__file__") in files
        if not ours or event not in ("call", "return"):
            return
        if event == "return":
            depth -= 1
            return
        if code in found:
            found[code].calls += 1
        else:
            found[code] = Called(code, depth, code.co_qualname)
        depth += 1

    event = contender.prepare()
    sys.setprofile(profile)
    contender.call(event)
    sys.setprofile(None)
    return list(found.values())


def _functions(modules: list[ModuleType]) -> Iterator[tuple[str, FunctionType]]:
    """By name; that of a dataclass's generated method says nothing of its class."""
    for owner in _owners(modules):
        for name, value in vars(owner).items():
            function = getattr(value, "__func__", value)
            if isinstance(function, FunctionType):
                place = f"{owner.__qualname__}.{name}" if isinstance(owner, type) else name
                yield place, function


def _owners(modules: list[ModuleType]) -> Iterator[Any]:
    for module in modules:
        yield module
        yield from (each for each in vars(module).values() if isinstance(each, type))


def _time(
    contender: Contender, function: FunctionType, modules: list[ModuleType], calls: int
) -> float | None:
    """The median of what the function took in a request, in seconds; None if it was not met."""
    spent = [0.0]
    wrapper = _timed(function, spent)
    places = [
        (owner, name, value)
        for owner in _owners(modules)
        for name, value in list(vars(owner).items())
        if value is function or getattr(value, "__func__", None) is function
    ]
    for owner, name, value in places:
        setattr(owner, name, staticmethod(wrapper) if isinstance(value, staticmethod) else wrapper)
    try:
        totals = []
        for event in [contender.prepare() for _ in range(calls)]:
            spent[0] = 0.0
            contender.call(event)
            totals.append(spent[0])
    finally:
        for owner, name, value in places:
            setattr(owner, name, value)
    return statistics.median(totals) or None


def _timed(function: Callable[..., Any], spent: list[float]) -> Callable[..., Any]:
    clock = time.perf_counter

    def timed(*arguments: Any, **named: Any) -> Any:
        started = clock()
        try:
            return function(*arguments, **named)
        finally:
            spent[0] += clock() - started

    return timed


def _cost_of_wrapping() -> float:
    """What a wrapper counts for a function that does nothing."""
    samples = []
    for _ in range(1000):
        spent = [0.0]
        _timed(lambda: None, spent)()
        samples.append(spent[0])
    return statistics.median(samples)
