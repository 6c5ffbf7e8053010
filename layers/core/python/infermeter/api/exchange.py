"""One request with its response, as endpoints pass it on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from infermeter.wire.http import HttpResponse

if TYPE_CHECKING:
    from infermeter.api.routes import Match
    from infermeter.errors import InfermeterError
    from infermeter.service import Served
    from infermeter.tenants.authentication import Principal
    from infermeter.wire.http import HttpRequest

# Never sent, nor written to: an exchange is handed back with its own.
_UNANSWERED = HttpResponse(500)


@dataclass(slots=True)
class Exchange:
    """A request on its way to its response, and what a log or a metric wants to know of it.

    `deadline` is the epoch time in seconds by which the response must be out.
    """

    request: HttpRequest
    deadline: float
    match: Match | None = None
    principal: Principal | None = None
    model: str = ""
    request_id: str = ""
    served: Served[Any] | None = None
    error: InfermeterError | None = None
    timings: dict[str, float] = field(default_factory=dict)
    response: HttpResponse = _UNANSWERED

    @property
    def endpoint(self) -> str:
        """The endpoint's name; "" for a path that has none."""
        return self.match.route.endpoint if self.match else ""

    @property
    def version(self) -> str | None:
        """The version that the path names."""
        return self.match.version if self.match else None

    def caller(self) -> Principal:
        """Who calls, on a route that needs a key."""
        assert self.principal is not None  # noqa: S101  the application has authenticated it
        return self.principal


Endpoint = Callable[[Exchange], HttpResponse]
