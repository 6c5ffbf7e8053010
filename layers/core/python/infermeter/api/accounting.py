"""What an answer tells of its bill, of its time, and of what remains."""

from __future__ import annotations

from typing import TYPE_CHECKING

from infermeter.api.quota import quota_headers

if TYPE_CHECKING:
    from collections.abc import Mapping

    from infermeter.service import Served
    from infermeter.wire.http import HttpResponse


def with_account(served: Served[HttpResponse], timings: Mapping[str, float]) -> HttpResponse:
    """The answer with the headers that say what was billed and, in milliseconds, what it took."""
    response = served.answer
    response.headers["infermeter-units"] = str(served.units)
    response.headers["infermeter-billed"] = served.billed.value
    response.headers["infermeter-model-version"] = served.result.version
    response.headers["server-timing"] = ", ".join(
        [
            f"{name};dur={seconds * 1000:.2f}"
            for spent in (timings, served.timings)
            for name, seconds in spent.items()
        ]
    )
    if served.quotas:
        response.headers.update(quota_headers(served.quotas))
    return response
