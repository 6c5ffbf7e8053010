"""Typed access to a manifest's JSON, with the field's path in every refusal."""

from __future__ import annotations

from typing import Any

from infermeter.errors import InvalidManifest


class Fields:
    """A JSON object at `path`; every method raises InvalidManifest for what is not as expected."""

    def __init__(self, document: object, path: str) -> None:
        if not isinstance(document, dict):
            raise InvalidManifest(path or "(whole)", expected="an object", got=document)
        self.document, self.path = document, path

    def get(
        self, name: str, kind: type | tuple[type, ...], expected: str, default: Any = ...
    ) -> Any:
        """The field's value, of one of these types; `default` where it is left out."""
        value = self.document.get(name, default)
        # Python takes a boolean for an integer.
        fits = isinstance(value, kind) and not isinstance(value, bool)
        if value is ... or (value is not default and not fits):
            got = "nothing" if value is ... else value
            raise InvalidManifest(self.path + name, expected=expected, got=got)
        return value

    def text(self, name: str, default: Any = ...) -> str:
        """A string."""
        return str(self.get(name, str, "a string", default))

    def text_or_none(self, name: str) -> str | None:
        """A string; None where it is null or left out."""
        value: str | None = self.get(name, str, "a string or null", None)
        return value

    def flag(self, name: str, *, default: bool) -> bool:
        """A boolean."""
        value = self.document.get(name, default)
        if not isinstance(value, bool):
            raise InvalidManifest(self.path + name, expected="a boolean", got=value)
        return value

    def number(self, name: str, least: int, most: int, default: int) -> int:
        """An integer within bounds, both included."""
        value: int = self.get(name, int, "an integer", default)
        if not least <= value <= most:
            raise InvalidManifest(self.path + name, expected=f"{least} to {most}", got=value)
        return value

    def objects(self, name: str, default: Any = ...) -> list[Fields]:
        """A list of objects."""
        values = self.get(name, list, "a list of objects", default)
        return [Fields(value, f"{self.path}{name}[{i}].") for i, value in enumerate(values)]

    def choice(self, name: str, choices: tuple[str, ...], default: Any = ...) -> str:
        """One of a few strings."""
        value = self.text(name, default)
        if value not in choices:
            raise InvalidManifest(
                self.path + name, expected=f"one of {', '.join(choices)}", got=value
            )
        return value
