from __future__ import annotations

import pytest

from tests.training.data.streams.texts import texts
from training.data.streams.tokenizer import END, END_ID, tokenize, train_tokenizer

TEXTS = texts(50)


def test_every_text_comes_back() -> None:
    tokenizer = train_tokenizer(TEXTS, 300)

    for text in (*TEXTS, "Καὶ εἶπεν ὁ θεός\n\tfiat  lux 🌅", ""):
        assert tokenizer.decode(tokenizer.encode(text).ids) == text
    assert tokenizer.get_vocab_size() == 300
    assert tokenizer.token_to_id(END) == END_ID


def test_equal_texts_give_an_equal_tokenizer() -> None:
    assert train_tokenizer(TEXTS, 300).to_str() == train_tokenizer(TEXTS, 300).to_str()


@pytest.mark.parametrize("parts", [["and", "the king"], ["ὁ θεός 🌅", "x"]])
def test_a_stream_has_every_character_once(parts: list[str]) -> None:
    tokenizer = train_tokenizer(TEXTS, 300)

    stream = tokenize(tokenizer, parts)

    ends = [place for place, number in enumerate(stream.ids.tolist()) if number == END_ID]
    assert len(ends) == 3
    assert (ends[0], ends[-1]) == (0, len(stream.ids) - 1)
    for text, start, end in zip(parts, ends, ends[1:], strict=False):
        assert tokenizer.decode(stream.ids[start + 1 : end].tolist()) == text
        assert stream.characters[start + 1 : end].sum() == len(text)
    assert stream.characters[ends].tolist() == [0, 0, 0]
