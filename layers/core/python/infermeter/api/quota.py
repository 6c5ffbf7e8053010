"""What an answer tells of the caller's limits, in the words of two conventions.

`RateLimit-Policy` and `RateLimit` are structured fields of the IETF's draft
(draft-ietf-httpapi-ratelimit-headers, revision 10); `x-ratelimit-*` are OpenAI's.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from infermeter.limits.limiter import Quota


def quota_headers(quotas: Sequence[Quota]) -> dict[str, str]:
    """The headers; of quotas of one name, a key's and its tenant's, the tightest is told."""
    tightest: dict[str, Quota] = {}
    for quota in quotas:
        known = tightest.get(quota.name)
        if known is None or quota.remaining < known.remaining:
            tightest[quota.name] = quota
    if not tightest:
        return {}
    told = tightest.values()
    headers = {
        "RateLimit-Policy": ", ".join([f'"{q.name}";q={q.limit};w={q.window_s}' for q in told]),
        "RateLimit": ", ".join(
            [f'"{q.name}";r={q.remaining};t={math.ceil(q.reset_s)}' for q in told]
        ),
    }
    for name, quota in tightest.items():
        headers[f"x-ratelimit-limit-{name}"] = str(quota.limit)
        headers[f"x-ratelimit-remaining-{name}"] = str(quota.remaining)
        headers[f"x-ratelimit-reset-{name}"] = duration(quota.reset_s)
    return headers


def retry_headers(seconds: float) -> dict[str, str]:
    """When to come back: in whole seconds, at least one, and to the millisecond."""
    return {
        "retry-after": str(max(1, math.ceil(seconds))),
        "retry-after-ms": str(max(1, math.ceil(seconds * 1000))),
    }


def duration(seconds: float) -> str:
    """As OpenAI writes them: `120ms`, `1s`, `6m0s`, `744h0m0s`; rounded up."""
    if seconds < 1:
        return f"{math.ceil(seconds * 1000)}ms"
    whole = math.ceil(seconds)
    minutes, rest = divmod(whole, 60)
    if not minutes:
        return f"{rest}s"
    hours, minutes = divmod(minutes, 60)
    return f"{hours}h{minutes}m{rest}s" if hours else f"{minutes}m{rest}s"
