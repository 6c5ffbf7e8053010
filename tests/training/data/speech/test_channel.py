"""The user's own clips, as folders or as a list."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.training.data.speech.tones import RATE, clip, clips, write_clips
from training.data.speech.channel import read_channel, write_channel
from training.data.speech.clips import Clips
from training.data.speech.sound import encode
from training.errors import InvalidData

if TYPE_CHECKING:
    from pathlib import Path

SPEAKERS = ("ann", "bob", "cid")


@pytest.fixture
def channel(tmp_path: Path) -> Path:
    write_clips(clips(SPEAKERS), tmp_path)
    return tmp_path


def listed(folder: Path, *lines: str) -> Path:
    """A channel of two files and a list of these lines."""
    for name, word in (("1.wav", "high"), ("2.wav", "low")):
        (folder / name).write_bytes(encode(clip(word, "ann").samples, RATE))
    (folder / "clips.csv").write_text("\n".join(lines) + "\n")
    return folder


def test_what_is_written_is_read(channel: Path):
    found = read_channel(channel, RATE)
    assert found.classes == ("high", "low")
    assert {each.speaker for each in found.clips} == set(SPEAKERS)
    assert found.digest() == clips(SPEAKERS).digest()


def test_the_digest_knows_words_speakers_and_samples():
    other = clips(SPEAKERS)
    first, *rest = other.clips
    for changed in (
        first._replace(word="low"),
        first._replace(speaker="bo"),
        first._replace(samples=first.samples[:-1]),
    ):
        assert type(other).of([changed, *rest]).digest() != other.digest()


def test_a_list_names_file_label_and_speaker(tmp_path: Path):
    lines = ("speaker,file,label,note", "ann,1.wav,high,x", "bob,2.wav,low,y")
    found = read_channel(listed(tmp_path, *lines), RATE)
    assert [(each.word, each.speaker) for each in found.clips] == [("high", "ann"), ("low", "bob")]
    assert found.clips[1].where == "clips.csv, line 3, 2.wav"


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        (
            ("file,label", "1.wav,high"),
            "clips.csv, line 1: expected a column 'speaker', got file, label",
        ),
        (
            ("file,label,speaker", "1.wav,high,ann", "2.wav,,ann"),
            "clips.csv, line 3, column 'label': expected a value, got none",
        ),
        (
            ("file,label,speaker", "1.wav,high"),
            "clips.csv, line 2, column 'speaker': expected a value, got none",
        ),
        (
            ("file,label,speaker", "3.wav,high,ann"),
            "clips.csv, line 2, column 'file': expected a file of the channel, got 3.wav",
        ),
        (
            ("file,label,speaker", "../1.wav,high,ann"),
            "clips.csv, line 2, column 'file': expected a file of the channel, got ../1.wav",
        ),
        (
            ("file,label,speaker", "1.wav,high,ann"),
            "channel 'training': expected two words at least, got 'high'",
        ),
        (
            ("file,label,speaker",),
            "channel 'training': expected clips.csv, or files <word>/<speaker>_<any>.wav, got none",
        ),
    ],
)
def test_a_wrong_list_is_refused_with_the_line(
    tmp_path: Path, lines: tuple[str, ...], message: str
):
    channel = listed(tmp_path, *lines)
    (tmp_path.parent / "1.wav").write_bytes((tmp_path / "1.wav").read_bytes())
    with pytest.raises(InvalidData) as refused:
        read_channel(channel, RATE)
    assert str(refused.value) == message


@pytest.mark.parametrize("word", ["../../pwned", "on/off", "a\\b", "a\tb", "é" * 101])
def test_a_word_that_no_file_can_have_as_its_name_is_refused(tmp_path: Path, word: str):
    channel = listed(tmp_path, "file,label,speaker", "1.wav,high,ann", f"2.wav,{word},ann")
    with pytest.raises(InvalidData, match=r"^clips\.csv, line 3, 2\.wav: expected a word of at"):
        read_channel(channel, RATE)


def test_a_file_without_its_speaker_is_refused(channel: Path):
    (channel / "low" / "17.wav").write_bytes(encode(clip("low", "ann").samples, RATE))
    with pytest.raises(InvalidData, match=r"low/17\.wav: expected the name <speaker>_<any>\.wav"):
        read_channel(channel, RATE)


@pytest.mark.parametrize("name", ["a_b", "a/b", ""])
def test_a_speaker_that_a_file_cannot_name_is_not_written(tmp_path: Path, name: str):
    nameless = Clips.of([clip("high", "ann")._replace(speaker=name)])
    with pytest.raises(InvalidData, match="expected a speaker's name without _ and /"):
        write_channel(nameless, tmp_path, RATE)


def test_a_broken_file_is_named(channel: Path):
    (channel / "low" / "ann_9.wav").write_bytes(b"")
    with pytest.raises(InvalidData, match=r"low/ann_9\.wav: expected PCM WAV"):
        read_channel(channel, RATE)
