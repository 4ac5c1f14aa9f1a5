"""ZIP archives: any program opens a whole one, none opens one that was cut off."""

import gc
import io
import json
import zipfile
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairdb_site.archives import (
    archive_write,
    csv_pieces,
    file_name_of,
    file_of,
    json_array_pieces,
)

HOSTILE = [
    "../../etc/passwd",
    "..",
    "C:\\Windows\\system32",
    "a/b",
    "tab\tnew\nline\0nul",
    "right\u202eto left",
    "x" * 1_000,
    "trailing. . .",
    'what? <b>"so|it*is:',
    "",
    "Überleben bei Sepsis, Ω-3",
    "\N{PILE OF POO}" * 100,
]


def archive(*files: tuple[str, bytes]) -> bytes:
    written: list[bytes] = []
    archive_write((file_of(path, [content]) for path, content in files), written.append)
    return b"".join(written)


def test_archive_gives_its_files_back() -> None:
    whole = archive(("a.txt", b"first"), ("b/ä.csv", b"second" * 100_000))

    opened = zipfile.ZipFile(io.BytesIO(whole))

    assert opened.testzip() is None
    assert {name: opened.read(name) for name in opened.namelist()} == {
        "a.txt": b"first",
        "b/ä.csv": b"second" * 100_000,
    }


def test_archive_that_broke_off_cannot_be_opened() -> None:
    written: list[bytes] = []

    def files() -> Iterator[bytes]:
        yield b"some" * 100_000
        raise ValueError

    with pytest.raises(ValueError):  # noqa: PT011 - it has no words
        archive_write([file_of("a.txt", [b"x"]), file_of("b.txt", files())], written.append)
    gc.collect()  # an archive writes its directory when it is collected, if it can

    with pytest.raises(zipfile.BadZipFile):
        zipfile.ZipFile(io.BytesIO(b"".join(written)))


def test_next_file_is_asked_for_when_the_one_before_is_written() -> None:
    written: list[bytes] = []
    sizes: list[int] = []

    def files() -> Iterator[tuple[str, bytes]]:
        for number in range(3):
            sizes.append(sum(map(len, written)))
            yield f"{number}.txt", b"x"

    archive_write((file_of(path, [content]) for path, content in files()), written.append)

    assert sizes[0] == 0
    assert sizes == sorted(set(sizes))


@pytest.mark.parametrize("title", HOSTILE)
def test_hostile_title_is_a_harmless_part_of_a_name(title: str) -> None:
    assert is_harmless(file_name_of(title))


@given(st.text())
def test_any_text_is_a_harmless_part_of_a_name(text: str) -> None:
    assert is_harmless(file_name_of(text))


def is_harmless(name: str) -> bool:
    return (
        len(f"001 {name}".encode()) <= 255
        and not set(name) & set('/\\<>:"|?*')
        and (not name or name.isprintable())
        and name == name.strip(" .")
    )


def test_long_array_is_valid_json_made_value_by_value() -> None:
    values = iter([{"n": 0}, {"n": 1}, {"n": 2}])
    pieces = json_array_pieces(values)

    begun = next(pieces)

    assert next(values) == {"n": 1}  # nobody took it yet
    assert json.loads(begun + b"".join(pieces)) == [{"n": 0}, {"n": 2}]
    assert json.loads(b"".join(json_array_pieces([]))) == []


def test_csv_quotes_what_has_to_be() -> None:
    assert b"".join(csv_pieces(["a", "b"], [("x,y", 'z"'), (None, 1)])) == (
        b'a,b\n"x,y","z"""\n,1\n'
    )
