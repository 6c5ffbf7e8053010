"""Texts to token ids, by the file that a model brings."""

from __future__ import annotations

import json

import pytest

from infermeter.engine.tokenizer import Tokenizer
from infermeter.errors import ModelUnavailable
from tests.models import WORDS, tokenizer


def test_special_tokens_stand_around_a_text() -> None:
    assert Tokenizer(tokenizer()).encode(["The cat sat"]) == [[2, 4, 5, 6, 3]]


def test_what_it_does_not_know_is_one_token() -> None:
    assert Tokenizer(tokenizer()).encode(["cat dog"]) == [[2, 5, 1, 3]]


def test_the_files_own_truncation_and_padding_are_off() -> None:
    settings = json.loads(tokenizer())
    assert settings["truncation"]["max_length"] == settings["padding"]["strategy"]["Fixed"] == 6
    lengths = [len(ids) for ids in Tokenizer(tokenizer()).encode(["cat " * 9, "cat"])]
    assert lengths == [11, 3]


def test_its_size_counts_every_word() -> None:
    assert Tokenizer(tokenizer()).size == len(WORDS)


def test_it_pads_with_its_own_token() -> None:
    settings = json.loads(tokenizer())
    settings["model"]["vocab"] |= {"[PAD]": 8, "a": 0}
    assert Tokenizer(json.dumps(settings).encode()).pad_id == 8


@pytest.mark.parametrize("content", [b"", b"{}", b"\xff", b'{"model": 5}'])
def test_a_file_that_is_none_is_refused_when_it_is_used(content: bytes) -> None:
    with pytest.raises(ModelUnavailable, match="the tokenizer could not be loaded"):
        Tokenizer(content).encode(["a"])
