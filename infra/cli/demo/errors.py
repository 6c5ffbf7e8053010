"""What the demo says when a step falls short."""

from __future__ import annotations


class FellShort(Exception):
    """A step did not give what it must; one line."""


def expect(what: str, *, expected: object, got: object) -> None:
    """Raises FellShort unless both are equal."""
    if expected != got:
        raise FellShort(f"{what}: expected {expected}, got {got}")
