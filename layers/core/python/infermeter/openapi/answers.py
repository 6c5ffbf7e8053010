"""Which answers there are beside a success, and the headers of all."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from infermeter.openapi.notation import COUNT, STRING, any_of, json_content, ref

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from infermeter.openapi.notation import Schema

FAILURES: Mapping[int, str] = {
    400: "The request is wrong: the message names the field, what was expected and what came.",
    401: "No key, or one that is not valid.",
    402: "The tenant is suspended or closed, or a budget is used up: waiting does not help.",
    403: "A key whose scopes do not include this, or an `input_uri` that is not the tenant's own.",
    404: "No such model, version, asset or route.",
    409: "The model's state forbids it, or a retry's first answer came from a version now gone.",
    413: "The request or the answer is too large.",
    415: "The body's Content-Encoding is none that this server reads.",
    422: "The Idempotency-Key is too old, malformed or was used for another request, or the model "
    "could not compute this input.",
    429: "A rate or what is free of a budget is exceeded: retry after `Retry-After`. Where it is "
    "the deployment's rate, the gateway answers, in one shape for all routes and without headers "
    "of ours.",
    501: "The protocol has it, this server has not.",
    503: "Something did not answer in time. Retry under the same Idempotency-Key.",
    504: "The answer came too late. Retry under the same Idempotency-Key: it is billed once.",
}
# What remains of the caller's limits, where it has some.
_QUOTAS = (
    "RateLimit-Policy",
    "RateLimit",
    *(
        f"x-ratelimit-{what}-{name}"
        for name in ("requests", "units")
        for what in ("limit", "remaining", "reset")
    ),
)
_EXTRA: Mapping[int, tuple[str, ...]] = {
    401: ("www-authenticate",),
    402: _QUOTAS,
    415: ("accept-encoding",),
    429: ("retry-after", "retry-after-ms", *_QUOTAS),
    503: ("retry-after",),
}

_ALWAYS = ("x-request-id", "infermeter-cold-start")
BILLED = (
    "infermeter-units",
    "infermeter-billed",
    "infermeter-model-version",
    "server-timing",
    "content-encoding",
    *_QUOTAS,
)


def _header(description: str, schema: Schema = STRING) -> dict[str, Any]:
    return {"description": description, "schema": schema}


def _of_limit(name: str, description: str) -> dict[str, dict[str, Any]]:
    return {
        f"x-ratelimit-limit-{name}": _header(description, COUNT),
        f"x-ratelimit-remaining-{name}": _header("What remains of it.", COUNT),
        f"x-ratelimit-reset-{name}": _header("When all of it is there again, such as `6m0s`."),
    }


HEADERS: Mapping[str, dict[str, Any]] = {
    "x-request-id": _header("The id under which the request is known, and charged."),
    "infermeter-cold-start": _header(
        "Whether this environment answered for the first time.", {"enum": ["true", "false"]}
    ),
    "infermeter-units": _header("Units that the request was charged.", COUNT),
    "infermeter-billed": _header(
        "`replay`: the id was charged before, and not again; `pending`: charged once the ledger "
        "answers.",
        {"enum": ["new", "replay", "pending"]},
    ),
    "infermeter-model-version": _header("The concrete version that answered."),
    "server-timing": _header("What the parts of the way took, in milliseconds."),
    "inference-header-content-length": _header(
        "Bytes of the JSON part, if a binary part follows.", COUNT
    ),
    "content-encoding": _header("How the body is compressed, if Accept-Encoding asked for that."),
    "x-should-retry": _header("Whether a retry may succeed.", {"enum": ["true", "false"]}),
    "retry-after": _header("Seconds to wait before a retry.", COUNT),
    "retry-after-ms": _header("The same in milliseconds.", COUNT),
    "RateLimit-Policy": _header(
        "Of each limit, its name, the quota `q` and the window `w` in seconds, as "
        'draft-ietf-httpapi-ratelimit-headers has it: `"requests";q=20;w=2, '
        "\"units\";q=1000;w=2592000`. Of a key's limit and its tenant's the tighter is told."
    ),
    "RateLimit": _header(
        "Of each limit, what remains (`r`), and the seconds until all of it is there again (`t`)."
    ),
    **_of_limit("requests", "The rate's burst."),
    **_of_limit(
        "units",
        "A budget of units; one of another measure has its name in place of `units`: "
        "`monthly-requests`, `rows`, `tokens`, `milliseconds`, `bytes`, `bytes-in`, `bytes-out`.",
    ),
    "www-authenticate": _header("`Bearer`"),
    "accept-encoding": _header("The encodings that a body may have."),
    "etag": _header("Names this content."),
    "cache-control": _header("How long the content may be kept."),
    "infermeter-next-after": _header("`after` of the next rows, where there are more."),
}


def failures(statuses: Iterable[int], family: str) -> dict[str, Any]:
    """References to the components that answer with these statuses."""
    return {str(status): ref(_name(status, family), "responses") for status in sorted(statuses)}


def success(
    description: str, content: Mapping[str, Any] | None = None, headers: Iterable[str] = ()
) -> dict[str, Any]:
    """A response of a route's own; without content, an empty one."""
    response = {"description": description, "headers": _headers((*_ALWAYS, *headers))}
    return response | ({"content": content} if content else {})


def failure_components(paths: Mapping[str, Any]) -> dict[str, Any]:
    """The failures that operations of these paths refer to."""
    used = {
        answer["$ref"].rpartition("/")[2]
        for item in paths.values()
        for operation in item.values()
        for answer in operation["responses"].values()
        if "$ref" in answer
    }
    return {name: _failure(name) for name in sorted(used)}


def _failure(name: str) -> dict[str, Any]:
    family, _, number = name.partition("-")
    status, description = int(number), FAILURES[int(number)]
    schema = ref("OpenAIError" if family == "openai" else "Error")
    if status == 429 and family == "openai":
        schema = any_of(schema, ref("Error"))
    headers = (*_ALWAYS, "x-should-retry", *_EXTRA.get(status, ()))
    return {
        "description": description,
        "headers": _headers(headers),
        "content": json_content(schema),
    }


def _headers(names: Iterable[str]) -> dict[str, Any]:
    return {name: ref(name, "headers") for name in names}


def _name(status: int, family: str) -> str:
    return f"{family}-{status}"
