"""File names of clients at the end of an object's key."""

import pytest

from rollcall.api.file_names import MAX_FILE_NAME_BYTES, key_name


@pytest.mark.parametrize(
    ("given", "name"),
    [
        ("holiday.mp4", "holiday.mp4"),
        ("Zoë's Ferien 2026.mp4", "Zoë's Ferien 2026.mp4"),
        ("Zoe\u0308.mp4", "Zoë.mp4"),  # as macOS composes it
        ("李.mp4", "李.mp4"),
        ("../../etc/passwd", "passwd"),
        ("C:\\Users\\Ann\\clip.mp4", "clip.mp4"),
        ("/abs/clip.mp4/", "clip.mp4"),
        ("a\r\nb\x00\x1b[2J.mp4", "ab[2J.mp4"),
        ("photo\u202egpj.exe", "photogpj.exe"),
        ("a\u200bb.mp4", "ab.mp4"),
        ("${filename}", "{filename}"),
        ("a$${{x}.mp4", "a{{x}.mp4"),
        ("$${filename}", "{filename}"),
        ("$\u200b${filename}.mp4", "{filename}.mp4"),
        (" .hidden. ", "hidden"),
        ("100%.mp4", "100%.mp4"),
        ("a?b#c&d.mp4", "a?b#c&d.mp4"),
        ("\udcff.mp4", "mp4"),
    ],
)
def test_a_name_is_kept_as_far_as_it_is_safe(given: str, name: str) -> None:
    assert key_name(given) == name


@pytest.mark.parametrize("given", ["", ".", "..", "...", "/", "a/..", "\x00", "\u3164", " ", "\u200b.", "\\"])
def test_where_nothing_is_left_there_is_no_name(given: str) -> None:
    assert key_name(given) is None


@pytest.mark.parametrize("letter", ["a", "ü", "李", "🙂"])
def test_a_long_name_is_cut_between_letters_and_keeps_its_suffix(letter: str) -> None:
    name = key_name(letter * 1000 + ".mp4")

    assert name is not None and name.endswith(f"{letter}.mp4") and len(name.encode()) <= MAX_FILE_NAME_BYTES
    assert len(name.encode()) > MAX_FILE_NAME_BYTES - 8
    bare = key_name("a" * 10 + "." + letter * 1000)
    assert bare is not None and len(bare.encode()) <= MAX_FILE_NAME_BYTES
