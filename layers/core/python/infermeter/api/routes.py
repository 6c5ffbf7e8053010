"""The route table: path and method to an endpoint's name."""

from __future__ import annotations

import re
from dataclasses import dataclass

from infermeter.errors import MethodNotAllowed, UnknownRoute

_MODEL = r"/v2/models/(?P<model>[^/]+)(?:/versions/(?P<version>[^/]+))?"


@dataclass(frozen=True, slots=True)
class Route:
    """One path, its methods, and whether it answers without a key."""

    endpoint: str
    methods: tuple[str, ...]
    pattern: re.Pattern[str]
    public: bool = False


@dataclass(frozen=True, slots=True)
class Match:
    """The route that a request takes, with what its path names."""

    route: Route
    model: str = ""
    version: str | None = None


def _route(endpoint: str, method: str, pattern: str, *, public: bool = False) -> Route:
    return Route(endpoint, (method,), re.compile(pattern), public)


ROUTES = (
    _route("server_metadata", "GET", r"/v2/?", public=True),
    _route("server_live", "GET", r"/v2/health/live", public=True),
    _route("server_ready", "GET", r"/v2/health/ready", public=True),
    _route("list_models", "GET", r"/v2/models"),
    _route("model_metadata", "GET", _MODEL),
    _route("model_ready", "GET", _MODEL + "/ready"),
    _route("infer", "POST", _MODEL + "/infer"),
)


def match(method: str, path: str) -> Match:
    """The route of a request. Raises UnknownRoute or MethodNotAllowed."""
    for route in ROUTES:
        found = route.pattern.fullmatch(path)
        if found is None:
            continue
        if method not in route.methods:
            raise MethodNotAllowed(method, path, route.methods)
        names = found.groupdict()
        return Match(route, names.get("model") or "", names.get("version"))
    raise UnknownRoute(path)
