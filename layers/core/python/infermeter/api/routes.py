"""The route table: path and method to an endpoint's name."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING

from infermeter.errors import MethodNotAllowed, UnknownRoute, UnsupportedFeature
from infermeter.tenants.scopes import Action

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping


@dataclass(frozen=True, slots=True)
class Route:
    """One method on one path, whose `{names}` stand for a segment each.

    A `public` route answers without a key; any other needs one that may do `action`, on the path's
    model if it names one. With `tail`, the last name stands for all that is left of the path.
    `family` is the protocol whose shapes it speaks.
    """

    endpoint: str
    method: str
    path: str
    action: Action = Action.READ
    public: bool = False
    tail: bool = False

    @property
    def family(self) -> str:
        """`openai` or `oip`."""
        return family_of(self.path)


@dataclass(frozen=True, slots=True)
class Match:
    """The route that a request takes, with what its path names."""

    route: Route
    names: Mapping[str, str] = field(default_factory=dict)

    @property
    def model(self) -> str:
        """The model that the path names, or ""."""
        return self.names.get("model", "")

    @property
    def version(self) -> str | None:
        """The version or alias that the path names."""
        return self.names.get("version")


_MODEL = "/v2/models/{model}"
_VERSION = "/v2/models/{model}/versions/{version}"


def _of_model(
    endpoint: str, method: str, ending: str, action: Action = Action.READ
) -> Iterator[Route]:
    for place in (_MODEL, _VERSION):
        yield Route(endpoint, method, place + ending, action)


ROUTES: tuple[Route, ...] = (
    Route("server_metadata", "GET", "/v2", public=True),
    Route("server_metadata", "GET", "/v2/", public=True),
    Route("server_live", "GET", "/v2/health/live", public=True),
    Route("server_ready", "GET", "/v2/health/ready", public=True),
    Route("list_models", "GET", "/v2/models"),
    *_of_model("model_metadata", "GET", ""),
    *_of_model("model_ready", "GET", "/ready"),
    *_of_model("model_config", "GET", "/config"),
    Route("server_statistics", "GET", "/v2/models/stats"),
    *_of_model("model_statistics", "GET", "/stats"),
    *_of_model("infer", "POST", "/infer", Action.INFER),
    Route("create_upload", "POST", "/v2/uploads", Action.INFER),
    Route("openai_models", "GET", "/v1/models"),
    Route("openai_model", "GET", "/v1/models/{model}"),
    Route("embeddings", "POST", "/v1/embeddings", Action.INFER),
    Route("repository_index", "POST", "/v2/repository/index"),
    Route("load_model", "POST", "/v2/repository/models/{model}/load", Action.LOAD),
    Route("unload_model", "POST", "/v2/repository/models/{model}/unload", Action.LOAD),
    Route("usage", "GET", "/v1/usage", Action.USAGE),
    Route("usage_limits", "GET", "/v1/usage/limits", Action.USAGE),
    Route("statement", "GET", "/v1/usage/statements/{month}", Action.USAGE),
    # An id of the caller's own making may have slashes in it.
    Route("usage_request", "GET", "/v1/usage/requests/{request_id}", Action.USAGE, tail=True),
    Route("openapi", "GET", "/openapi.json", public=True),
    Route("docs", "GET", "/docs", public=True),
    Route("docs_asset", "GET", "/docs/{asset}", public=True),
)

# What the function that serves models answers; usage has a function with a role of its own.
USAGE_PLANE = tuple(route for route in ROUTES if route.path.startswith("/v1/usage"))
DATA_PLANE = tuple(route for route in ROUTES if route not in USAGE_PLANE)

_SHARED_MEMORY = "a customer's request shares no memory with the function that serves it"
_GENERATION = "this server does not generate text yet"
_OPERATION = "traces and logs are the operator's, set for a whole deployment"

# What the protocols have and this server has not, by the path's beginning or its last segment.
ABSENT_BELOW: Mapping[str, str] = {
    "/v2/systemsharedmemory": _SHARED_MEMORY,
    "/v2/cudasharedmemory": _SHARED_MEMORY,
    "/v2/trace": _OPERATION,
    "/v2/logging": _OPERATION,
    "/v1/completions": _GENERATION,
    "/v1/chat/completions": _GENERATION,
}
ABSENT_ACTIONS: Mapping[str, str] = {
    "generate": _GENERATION,
    "generate_stream": _GENERATION,
    "infer_stream": _GENERATION,
    "setting": _OPERATION,
}


@lru_cache(maxsize=512)
def match(method: str, path: str) -> Match:
    """The route of a request.

    Raises UnknownRoute, MethodNotAllowed, or UnsupportedFeature where a protocol has the path and
    this server has not.
    """
    segments = path.split("/")
    allowed = []
    for route, literals, placeholders in _candidates(segments):
        if any(segments[place] != literal for place, literal in literals):
            continue
        if route.method == method:
            names = {name: segments[place] for place, name in placeholders}
            if route.tail:
                place, name = placeholders[-1]
                names[name] = "/".join(segments[place:])
            if all(names.values()):
                return Match(route, names)
        else:
            allowed.append(route.method)
    if allowed:
        raise MethodNotAllowed(method, path, tuple(dict.fromkeys(allowed)))
    if reason := _absence(path, segments):
        raise UnsupportedFeature(f"{path}: expected a route that this server offers: {reason}")
    raise UnknownRoute(path)


def family_of(path: str) -> str:
    """The protocol whose shapes a path's answers have: `openai` below /v1, `oip` elsewhere."""
    return "openai" if path.startswith("/v1/") else "oip"


_Compiled = tuple[Route, tuple[tuple[int, str], ...], tuple[tuple[int, str], ...]]


def _compile(route: Route) -> _Compiled:
    literals, placeholders = [], []
    for place, segment in enumerate(route.path.split("/")):
        if segment.startswith("{"):
            placeholders.append((place, segment[1:-1]))
        else:
            literals.append((place, segment))
    return route, tuple(literals), tuple(placeholders)


def _index(routes: Iterable[Route]) -> dict[tuple[int, str], list[_Compiled]]:
    """Routes by how many segments they have and by the last of them."""
    index: defaultdict[tuple[int, str], list[_Compiled]] = defaultdict(list)
    for route in routes:
        segments = route.path.split("/")
        last = "" if segments[-1].startswith("{") else segments[-1]
        index[len(segments), last].append(_compile(route))
    return dict(index)


_INDEX = _index(route for route in ROUTES if not route.tail)
_TAILS = [_compile(route) for route in ROUTES if route.tail]


def _candidates(segments: list[str]) -> Iterator[_Compiled]:
    """A last segment that is spelled out wins over one that stands for anything."""
    yield from _INDEX.get((len(segments), segments[-1]), ())
    yield from _INDEX.get((len(segments), ""), ())
    for tail in _TAILS:
        if len(segments) >= tail[0].path.count("/") + 1:
            yield tail


def _absence(path: str, segments: list[str]) -> str | None:
    for beginning, reason in ABSENT_BELOW.items():
        if path == beginning or path.startswith(f"{beginning}/"):
            return reason
    return ABSENT_ACTIONS.get(segments[-1]) if path.startswith("/v2/models/") else None
