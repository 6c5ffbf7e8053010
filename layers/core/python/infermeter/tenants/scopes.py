"""What a key may do: actions on models by the beginning of their names."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum

from infermeter.errors import Forbidden, InvalidRequest

_SCOPE = re.compile(r"(?P<action>[a-z]+|\*):(?P<pattern>[A-Za-z0-9._-]*\*?)")


class Action(Enum):
    """What a route does, or what a key may be limited to. Who may infer may also read."""

    INFER = "infer"
    READ = "read"
    LOAD = "load"
    USAGE = "usage"


@dataclass(frozen=True, slots=True)
class Scope:
    """One action, or with `*` any, on models of one name, or with a final `*` of one beginning."""

    action: str
    pattern: str

    def allows(self, action: Action, model: str) -> bool:
        """Whether it includes this."""
        if self.action not in ("*", action.value) and not (
            action is Action.READ and self.action == Action.INFER.value
        ):
            return False
        if self.pattern.endswith("*"):
            return not model or model.startswith(self.pattern[:-1])
        return model in ("", self.pattern)

    def __str__(self) -> str:
        return f"{self.action}:{self.pattern}"


def parse_scope(text: str) -> Scope:
    """From `<action>:<model>`, such as `infer:tabular`, `read:*`, `*:team-*`.

    Raises InvalidRequest.
    """
    match = _SCOPE.fullmatch(text)
    known = ("*", *(action.value for action in Action))
    if match is None or match["action"] not in known or not match["pattern"]:
        raise InvalidRequest(
            f"scope: expected <action>:<model>, an action of {', '.join(known)} and a model's name "
            f"that may end in *, got '{text}'"
        )
    return Scope(match["action"], match["pattern"])


@dataclass(frozen=True, slots=True)
class Scopes:
    """All that a key may do; none listed: everything."""

    scopes: tuple[Scope, ...] = ()

    def allow(self, action: Action, model: str = "") -> bool:
        """Whether one of them includes this. Without a model: on some model."""
        return not self.scopes or any(scope.allows(action, model) for scope in self.scopes)

    def require(self, action: Action, model: str = "") -> None:
        """Raises Forbidden unless one of them includes this."""
        if not self.allow(action, model):
            raise Forbidden(action.value, model, str(self))

    def __str__(self) -> str:
        return ", ".join(map(str, self.scopes)) or "everything"


EVERYTHING = Scopes()
