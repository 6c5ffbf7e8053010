"""DynamoDB's expressions, evaluated: conditions, keys and filters, updates.

The grammar is that of the developer guide, as far as this project uses it. `test_account.py` holds
it against moto's.
"""

from __future__ import annotations

import re
from decimal import Decimal
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

Item = dict[str, Any]
Evaluated = Any


class Scope(NamedTuple):
    """What an expression is evaluated over."""

    item: Mapping[str, Any]
    names: Mapping[str, str]
    values: Mapping[str, Any]


class InvalidExpression(Exception):
    """DynamoDB would answer ValidationException."""


_TOKEN = re.compile(r"\s*(<=|>=|<>|[=<>(),+\-]|[:#]?[A-Za-z0-9_][A-Za-z0-9_.#]*)")
_COMPARISONS: dict[str, Callable[[Any, Any], bool]] = {
    "=": lambda left, right: left == right,
    "<>": lambda left, right: left != right,
    "<": lambda left, right: left < right,
    "<=": lambda left, right: left <= right,
    ">": lambda left, right: left > right,
    ">=": lambda left, right: left >= right,
}
Test = "Callable[[Scope], bool]"
Operand = "Callable[[Scope], Evaluated]"


def holds(
    expression: str | None,
    item: Mapping[str, Any] | None,
    names: Mapping[str, str] | None,
    values: Mapping[str, Any] | None,
) -> bool:
    """Whether a condition holds of an item, or of its absence."""
    if not expression:
        return True
    return _condition(expression)(Scope(item or {}, names or {}, values or {}))


def updated(
    expression: str,
    item: Mapping[str, Any],
    names: Mapping[str, str] | None,
    values: Mapping[str, Any] | None,
) -> Item:
    """The item after an update; all operands are read from the item before it."""
    scope = Scope(item, names or {}, values or {})
    after = dict(item)
    for change in _update(expression):
        change(scope, after)
    return after


@lru_cache(maxsize=1024)
def _condition(expression: str) -> Callable[[Scope], bool]:
    parser = _Parser(expression)
    test = parser.disjunction()
    parser.expect_end()
    return test


@lru_cache(maxsize=1024)
def _update(expression: str) -> list[Callable[[Scope, Item], None]]:
    parser = _Parser(expression)
    changes = []
    while parser.next is not None:
        changes += parser.clause()
    return changes


class _Parser:
    """Recursive descent, straight to closures."""

    def __init__(self, text: str) -> None:
        self._text, self._tokens, place = text, [], 0
        while text[place:].strip():
            found = _TOKEN.match(text, place)
            if found is None:
                raise InvalidExpression(f"at {place} of {text!r}")
            self._tokens.append(found[1])
            place = found.end()
        self._place = 0

    @property
    def next(self) -> str | None:
        return self._tokens[self._place] if self._place < len(self._tokens) else None

    def _is(self, *words: str) -> bool:
        return self.next is not None and self.next.upper() in words

    def _take(self, *words: str) -> str:
        if self.next is None or (words and self.next.upper() not in words):
            raise InvalidExpression(f"expected {words}, got {self.next!r} in {self._text!r}")
        self._place += 1
        return self._tokens[self._place - 1]

    def expect_end(self) -> None:
        if self.next is not None:
            raise InvalidExpression(f"{self.next!r} is left over in {self._text!r}")

    def disjunction(self) -> Callable[[Scope], bool]:
        tests = [self._conjunction()]
        while self._is("OR"):
            self._take()
            tests.append(self._conjunction())
        return tests[0] if len(tests) == 1 else lambda scope: any(test(scope) for test in tests)

    def _conjunction(self) -> Callable[[Scope], bool]:
        tests = [self._negation()]
        while self._is("AND"):
            self._take()
            tests.append(self._negation())
        return tests[0] if len(tests) == 1 else lambda scope: all(test(scope) for test in tests)

    def _negation(self) -> Callable[[Scope], bool]:
        if self._is("NOT"):
            self._take()
            test = self._negation()
            return lambda scope: not test(scope)
        if self._is("("):
            self._take()
            test = self.disjunction()
            self._take(")")
            return test
        return self._test()

    def _test(self) -> Callable[[Scope], bool]:
        if self._is("ATTRIBUTE_EXISTS", "ATTRIBUTE_NOT_EXISTS"):
            wanted = self._take().upper() == "ATTRIBUTE_EXISTS"
            (operand,) = self._arguments()
            return lambda scope: (operand(scope) is not None) == wanted
        if self._is("BEGINS_WITH", "CONTAINS"):
            begins = self._take().upper() == "BEGINS_WITH"
            left, right = self._arguments()
            return _begins(left, right) if begins else _contains(left, right)
        left = self._operand()
        if self._is("BETWEEN"):
            self._take()
            low = self._operand()
            self._take("AND")
            high = self._operand()
            least, most = _compared(low, "<=", left), _compared(left, "<=", high)
            return lambda scope: least(scope) and most(scope)
        if self._is("IN"):
            self._take()
            each = [_compared(left, "=", one) for one in self._arguments()]
            return lambda scope: any(test(scope) for test in each)
        return _compared(left, self._take(*_COMPARISONS), self._operand())

    def _arguments(self) -> list[Callable[[Scope], Evaluated]]:
        self._take("(")
        operands = [self._sum()]
        while self._is(","):
            self._take()
            operands.append(self._sum())
        self._take(")")
        return operands

    def _operand(self) -> Callable[[Scope], Evaluated]:
        if self._is("SIZE"):
            self._take()
            (operand,) = self._arguments()
            return lambda scope: _size(operand(scope))
        if self._is("IF_NOT_EXISTS"):
            self._take()
            first, second = self._arguments()
            return lambda scope: second(scope) if first(scope) is None else first(scope)
        token = self._take()
        if token.startswith(":"):
            return lambda scope: _value(scope, token)
        return lambda scope: _at(scope.item, _path(token, scope.names))

    def _sum(self) -> Callable[[Scope], Evaluated]:
        left = self._operand()
        while self._is("+", "-"):
            left = _added(left, self._take(), self._operand())
        return left

    def clause(self) -> list[Callable[[Scope, Item], None]]:
        word = self._take("SET", "REMOVE", "ADD").upper()
        changes = [self._change(word)]
        while self._is(","):
            self._take()
            changes.append(self._change(word))
        return changes

    def _change(self, word: str) -> Callable[[Scope, Item], None]:
        name = self._take()
        if word == "REMOVE":
            return lambda scope, after: _put(after, _path(name, scope.names), None)
        if word == "SET":
            self._take("=")
            value = self._sum()
            return lambda scope, after: _put(after, _path(name, scope.names), _given(value(scope)))
        given = self._operand()

        def add(scope: Scope, after: Item) -> None:
            path = _path(name, scope.names)
            standing = _at(scope.item, path) or {"N": "0"}
            _put(after, path, _arithmetic(standing, "+", given(scope)))

        return add


def _path(token: str, names: Mapping[str, str]) -> list[str]:
    return [names[part] if part.startswith("#") else part for part in token.split(".")]


def _at(item: Mapping[str, Any], path: list[str]) -> Evaluated:
    found: Any = item.get(path[0])
    for part in path[1:]:
        found = found["M"].get(part) if found is not None and "M" in found else None
    return found


def _put(after: Item, path: list[str], value: Any) -> None:
    *above, name = path
    place = after
    for part in above:
        if part not in place:
            raise InvalidExpression(f"no map at {path}")
        place[part] = {"M": dict(place[part]["M"])}
        place = place[part]["M"]
    if value is None:
        place.pop(name, None)
    else:
        place[name] = value


def _value(scope: Scope, token: str) -> Any:
    if token not in scope.values:
        raise InvalidExpression(f"no value for {token}")
    return scope.values[token]


def _given(value: Any) -> Any:
    if value is None:
        raise InvalidExpression("an operand refers to what is not there")
    return value


def _plain(value: Any) -> tuple[str, Any]:
    ((kind, plain),) = value.items()
    return kind, Decimal(plain) if kind == "N" else plain


def _compared(left: Any, sign: str, right: Any) -> Callable[[Scope], bool]:
    compare = _COMPARISONS[sign]

    def test(scope: Scope) -> bool:
        one, other = left(scope), right(scope)
        if one is None or other is None:
            return sign == "<>"
        (kind, mine), (other_kind, theirs) = _plain(one), _plain(other)
        return compare(mine, theirs) if kind == other_kind else sign == "<>"

    return test


def _begins(left: Any, right: Any) -> Callable[[Scope], bool]:
    def test(scope: Scope) -> bool:
        one = left(scope)
        return one is not None and "S" in one and one["S"].startswith(right(scope)["S"])

    return test


def _contains(left: Any, right: Any) -> Callable[[Scope], bool]:
    def test(scope: Scope) -> bool:
        one, (_, wanted) = left(scope), _plain(right(scope))
        if one is None:
            return False
        ((kind, plain),) = one.items()
        return right(scope) in plain if kind == "L" else wanted in plain

    return test


def _size(value: Any) -> Any:
    return None if value is None else {"N": str(len(next(iter(value.values()))))}


def _added(left: Any, sign: str, right: Any) -> Callable[[Scope], Evaluated]:
    return lambda scope: _arithmetic(_given(left(scope)), sign, _given(right(scope)))


def _arithmetic(left: Any, sign: str, right: Any) -> Any:
    (kind, mine), (other_kind, theirs) = _plain(left), _plain(right)
    if (kind, other_kind) != ("N", "N"):
        raise InvalidExpression("arithmetic on what is not a number")
    return {"N": str(mine + theirs if sign == "+" else mine - theirs)}
