"""Values of a recipe's fields: from TOML or from text, checked against the field's annotation."""

from __future__ import annotations

import json
from dataclasses import MISSING, fields, is_dataclass
from typing import TYPE_CHECKING, Annotated, Any, Literal, get_args, get_origin, get_type_hints

from training.errors import InvalidSetting, UnknownSetting

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping


def leaves(
    kind: type, section: str = "", *, sections: Mapping[str, type]
) -> Iterator[tuple[str, str, Any]]:
    """(section, field, annotation) of every setting; field names are unique over all sections.

    `sections` has the types of those that the dataclass leaves open.
    """
    for name, hint in {**get_type_hints(kind, include_extras=True), **sections}.items():
        if is_dataclass(hint) and isinstance(hint, type):
            yield from leaves(hint, name, sections={})
        else:
            yield section, name, hint


def build(kind: Any, document: object, path: str = "", *, sections: Mapping[str, type]) -> Any:
    """The dataclass from a table of TOML; a field that has a default may be left out.

    `sections` has the types of the fields that the dataclass leaves open. Raises UnknownSetting
    and InvalidSetting with the field's path below `path`.
    """
    if not isinstance(document, dict):
        raise InvalidSetting(path.rstrip("."), expected="a table", got=repr(document))
    hints = {**get_type_hints(kind, include_extras=True), **sections}
    for name in document:
        if name not in hints:
            raise UnknownSetting(path + name, hints)
    optional = {field.name for field in fields(kind) if field.default is not MISSING}
    values = {}
    for name, hint in hints.items():
        if name not in document:
            if name in optional:
                continue
            raise InvalidSetting(path + name, expected=_expected(hint), got="nothing")
        if is_dataclass(hint):
            values[name] = build(hint, document[name], f"{path}{name}.", sections={})
        else:
            values[name] = checked(path + name, hint, document[name])
    return kind(**values)


def checked(field: str, hint: Any, value: Any) -> Any:
    """The value in the annotation's type; InvalidSetting when it is not one of its values."""
    origin, arguments = get_origin(hint), get_args(hint)
    if origin is tuple and isinstance(value, list | tuple):
        return tuple(checked(f"{field}[{i}]", arguments[0], item) for i, item in enumerate(value))
    if origin is Literal and value in arguments:
        return value
    if origin is Annotated and _is_number(arguments[0], value) and value in arguments[1]:
        return arguments[0](value)
    if hint in (str, bool) and type(value) is hint:
        return value
    raise InvalidSetting(field, expected=_expected(hint), got=repr(value))


def from_text(field: str, hint: Any, text: str) -> Any:
    """The text as TOML would have given it; its value is still to be checked."""
    try:
        if get_origin(hint) is tuple:
            each = get_args(hint)[0]
            return [from_text(field, each, item) for item in _items(text) if item]
        if get_origin(hint) is Annotated:
            kind = get_args(hint)[0]
            return kind(text)
    except (ValueError, InvalidSetting):
        raise InvalidSetting(field, expected=_expected(hint), got=repr(text)) from None
    if hint is bool:
        return {"true": True, "false": False}.get(text, text)
    return text


def _items(text: str) -> list[str]:
    """Those of a list as JSON has it, or of one with nothing but commas, `64,64`."""
    try:
        found = json.loads(text)
    except ValueError:
        found = None
    if isinstance(found, list):
        return [item if isinstance(item, str) else json.dumps(item) for item in found]
    return [item.strip() for item in text.strip("[]() ").split(",")]


def _is_number(kind: type, value: object) -> bool:
    return type(value) is int or (kind is float and type(value) is float)


def _expected(hint: Any) -> str:
    origin, arguments = get_origin(hint), get_args(hint)
    if origin is tuple:
        return f"a list, each {_expected(arguments[0])}"
    if origin is Literal:
        return f"one of {', '.join(arguments)}"
    if origin is Annotated:
        kind = "a whole number" if arguments[0] is int else "a number"
        return f"{kind} from {arguments[1].low:g} to {arguments[1].high:g}"
    if hint is bool:
        return "true or false"
    return "a table" if is_dataclass(hint) else "a text"
