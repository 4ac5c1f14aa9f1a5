"""Numbers by which states and banks know a person, told by their check digits.

Each test takes a cell without spaces, points, hyphens and slashes, in capitals. The chance that any
digits pass is one in ten or so, so that a column is judged by many cells, never by one.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from typing import Final

_DNI_LETTERS: Final = "TRWAGMYFPDXBNJZSQVHLCKE"
_HETU_SIGNS: Final = "0123456789ABCDEFHJKLMNPRSTUVWXY"


@dataclass(frozen=True)
class IdKind:
    """A kind of number: what people call it, and whether a cell is one.

    `raw`: the test takes the cell as it stands, since only its signs tell it.
    """

    title: str
    test: Callable[[str], bool]
    raw: bool = False


def kinds_of(cell: str) -> list[str]:
    """Return the titles of the kinds that a cell may be."""
    plain = cell.translate(_SEPARATORS).upper()
    return [kind.title for kind in KINDS if kind.test(cell if kind.raw else plain)]


def is_bsn(cell: str) -> bool:
    """Dutch burgerservicenummer: nine digits, the test of eleven (Wet algemene bepalingen BSN)."""
    if not _digits(cell, 8, 9):
        return False
    cell = cell.zfill(9)
    total = _weighted(cell[:8], (9, 8, 7, 6, 5, 4, 3, 2)) - int(cell[8])
    return total % 11 == 0 and int(cell) > 0


def is_nhs(cell: str) -> bool:
    """NHS number of England: ten digits, modulus 11 (NHS Data Dictionary)."""
    if not _digits(cell, 10) or len(set(cell)) == 1:
        return False
    check = 11 - _weighted(cell[:9], range(10, 1, -1)) % 11
    return check % 11 == int(cell[9]) and check != 10


def is_ssn(cell: str) -> bool:
    """US Social Security number, written with hyphens: it has no check digit."""
    parts = cell.split("-")
    if [len(part) for part in parts] != [3, 2, 4] or not all(map(_is_digits, parts)):
        return False
    area, group, serial = parts
    return area not in {"000", "666"} and area < "900" and group != "00" and serial != "0000"


def is_pesel(cell: str) -> bool:
    """Polish PESEL: a date of birth and a check digit."""
    if not _digits(cell, 11):
        return False
    month = int(cell[2:4]) % 20
    total = _weighted(cell[:10], (1, 3, 7, 9, 1, 3, 7, 9, 1, 3))
    return (
        1 <= month <= 12 and 1 <= int(cell[4:6]) <= 31 and (10 - total % 10) % 10 == int(cell[10])
    )


def is_personnummer(cell: str) -> bool:
    """Swedish personnummer or samordningsnummer: a date of birth and a Luhn digit."""
    if not _digits(cell, 10, 12):
        return False
    cell = cell[-10:]
    day = int(cell[4:6])
    return _is_day(cell[2:4], f"{day - 60 if day > 60 else day:02}") and _luhn(cell)


def is_cpr(cell: str) -> bool:
    """Danish CPR number, written with its hyphen: a date of birth; it has no check digit today."""
    day, hyphen, serial = cell.partition("-")
    return bool(hyphen) and _digits(day, 6) and _digits(serial, 4) and _is_day(day[2:4], day[:2])


def is_hetu(cell: str) -> bool:
    """Finnish henkilötunnus: a date of birth, a sign for the century, a check character."""
    if len(cell) != 11 or not _is_digits(cell[:6] + cell[7:10]) or cell[6] not in "+-ABCDEFUVWXY":
        return False
    return _is_day(cell[2:4], cell[:2]) and _HETU_SIGNS[int(cell[:6] + cell[7:10]) % 31] == cell[10]


def is_fodselsnummer(cell: str) -> bool:
    """Norwegian fødselsnummer: a date of birth and two check digits of modulus 11."""
    if not _digits(cell, 11) or not _is_day(cell[2:4], cell[:2]):
        return False
    first = -_weighted(cell[:9], (3, 7, 6, 1, 8, 9, 4, 5, 2)) % 11
    second = -_weighted(cell[:10], (5, 4, 3, 2, 7, 6, 5, 4, 3, 2)) % 11
    return (first, second) == (int(cell[9]), int(cell[10]))


def is_belgian(cell: str) -> bool:
    """Belgian national number: a date of birth and 97 less the rest by 97."""
    if not _digits(cell, 11) or int(cell[2:4]) % 20 > 12:
        return False
    check = int(cell[9:])
    return check in {97 - int(cell[:9]) % 97, 97 - int("2" + cell[:9]) % 97}


def is_nir(cell: str) -> bool:
    """French number of the répertoire (NIR, sécurité sociale): 13 digits and a key by 97."""
    corsican = cell.replace("2A", "19").replace("2B", "18") if cell[5:7] in {"2A", "2B"} else cell
    if not _digits(corsican, 15) or cell[0] not in "1278":
        return False
    return 97 - int(corsican[:13]) % 97 == int(corsican[13:])


def is_dni(cell: str) -> bool:
    """Spanish DNI or NIE: eight digits (the first may be X, Y, Z) and a letter by 23."""
    if len(cell) != 9 or not cell[0].isascii():
        return False
    number = {"X": "0", "Y": "1", "Z": "2"}.get(cell[0], cell[0]) + cell[1:8]
    return _is_digits(number) and _DNI_LETTERS[int(number) % 23] == cell[8]


def is_steuer_id(cell: str) -> bool:
    """German Steuer-Identifikationsnummer: eleven digits, ISO 7064 modulus 11, 10."""
    if not _digits(cell, 11) or cell[0] == "0":
        return False
    product = 10
    for digit in cell[:10]:
        total = (int(digit) + product) % 10 or 10
        product = total * 2 % 11
    return (11 - product) % 10 == int(cell[10])


def is_nino(cell: str) -> bool:
    """UK National Insurance number: two letters, six digits, a letter A to D."""
    return (
        len(cell) == 9
        and cell[:2].isascii()
        and cell[:2].isalpha()
        and not set(cell[:2]) & set("DFIQUV")
        and cell[1] != "O"
        and _is_digits(cell[2:8])
        and cell[8] in "ABCD"
    )


def is_codice_fiscale(cell: str) -> bool:
    """Italian codice fiscale: letters of the name, date and place of birth, by their places."""
    if len(cell) != 16 or not cell.isascii():
        return False
    shape = "".join("9" if sign.isdigit() else "A" if sign.isalpha() else "?" for sign in cell)
    return shape == "AAAAAA99A99A999A" and cell[8] in "ABCDEHLMPRST"


def is_iban(cell: str) -> bool:
    """International bank account number (ISO 13616): the rest by 97 is 1."""
    if not (15 <= len(cell) <= 34 and cell.isascii() and cell.isalnum()):
        return False
    if not (cell[:2].isalpha() and _is_digits(cell[2:4])):
        return False
    return int("".join(str(int(sign, 36)) for sign in cell[4:] + cell[:4])) % 97 == 1


KINDS: Final = (
    IdKind("Dutch citizen service numbers (BSN)", is_bsn),
    IdKind("NHS numbers", is_nhs),
    IdKind("US Social Security numbers", is_ssn, raw=True),
    IdKind("Polish PESEL numbers", is_pesel),
    IdKind("Swedish personal identity numbers", is_personnummer),
    IdKind("Danish CPR numbers", is_cpr, raw=True),
    IdKind("Finnish personal identity codes", is_hetu, raw=True),
    IdKind("Norwegian birth numbers", is_fodselsnummer),
    IdKind("Belgian national numbers", is_belgian),
    IdKind("French social security numbers (NIR)", is_nir),
    IdKind("Spanish DNI or NIE numbers", is_dni),
    IdKind("German tax identification numbers", is_steuer_id),
    IdKind("UK National Insurance numbers", is_nino),
    IdKind("Italian tax codes", is_codice_fiscale),
    IdKind("bank account numbers (IBAN)", is_iban),
)
_SEPARATORS: Final = str.maketrans(dict.fromkeys(" .-/+"))


def _is_digits(text: str) -> bool:
    return text.isascii() and text.isdigit()


def _digits(text: str, *lengths: int) -> bool:
    return len(text) in lengths and _is_digits(text)


def _weighted(digits: str, weights: "range | tuple[int, ...]") -> int:
    return sum(int(digit) * weight for digit, weight in zip(digits, weights, strict=True))


def _luhn(digits: str) -> bool:
    doubled = [int(d) * (2 if place % 2 == 0 else 1) for place, d in enumerate(digits)]
    return sum(n - 9 if n > 9 else n for n in doubled) % 10 == 0


def _is_day(month: str, day: str) -> bool:
    try:
        date(2000, int(month), int(day))  # a leap year: the century is not known
    except ValueError:
        return False
    return True
