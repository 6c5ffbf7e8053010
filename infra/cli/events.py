"""Sample events: JSON in which `${NAME}` stands for a value of the moment."""

from __future__ import annotations

import json
import re
import time
import uuid
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

_PLACEHOLDER = re.compile(r"\$\{([A-Z][A-Z0-9_]*)\}")


class UnsetVariable(LookupError):
    """An event asks for a variable that nobody set."""

    def __init__(self, name: str) -> None:
        super().__init__(f"the event needs {name}: expected it in the environment, got none")


def expand(text: str, variables: Mapping[str, str]) -> Any:
    """The event with each `${NAME}` replaced; NOW_MS and UUID are always known.

    Raises UnsetVariable, or json.JSONDecodeError for text that is not JSON.
    """
    moment = {"NOW_MS": str(int(time.time() * 1000)), "UUID": str(uuid.uuid4()), **variables}

    def value(match: re.Match[str]) -> str:
        if match[1] not in moment:
            raise UnsetVariable(match[1])
        return json.dumps(moment[match[1]])[1:-1]

    return json.loads(_PLACEHOLDER.sub(value, text))
