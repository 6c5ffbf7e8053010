"""The tree of errors."""

from __future__ import annotations

import re

from infermeter import errors


def kinds() -> dict[str, type]:
    return {
        name: kind
        for name, kind in vars(errors).items()
        if isinstance(kind, type) and issubclass(kind, errors.InfermeterError)
    }


def drawn() -> list[tuple[int, str]]:
    """Depth and name of each line of the tree in the module's docstring."""
    lines = re.findall(r"^([│├└─ ]*)([A-Z]\w+)(?:  |$)", errors.__doc__ or "", re.MULTILINE)
    return [(len(indent) // 4, name) for indent, name in lines]


def test_the_drawn_tree_names_every_error() -> None:
    assert {name for _, name in drawn()} == set(kinds())


def test_the_drawn_tree_is_the_real_one() -> None:
    above: dict[int, str] = {}
    for depth, name in drawn():
        above[depth] = name
        if depth:
            assert kinds()[name].__base__ is kinds()[above[depth - 1]]


def test_no_message_repeats_megabytes() -> None:
    error = errors.InvalidTensor("x" * 10**6, expected="datatype FP32", got="datatype FP64")
    assert len(str(error)) <= errors.MAX_CHARACTERS
    assert str(error).startswith("input 'xxx")
    assert str(error).endswith("xxx': expected datatype FP32, got datatype FP64")
