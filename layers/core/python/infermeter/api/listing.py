"""Which models a caller is told of."""

from __future__ import annotations

from typing import TYPE_CHECKING

from infermeter.tenants.scopes import Action

if TYPE_CHECKING:
    from collections.abc import Iterable

    from infermeter.tenants.authentication import Principal


def readable(models: Iterable[str], principal: Principal) -> list[str]:
    """Of these models, those that the caller's scopes let it read."""
    return [model for model in models if principal.scopes.allow(Action.READ, model)]
