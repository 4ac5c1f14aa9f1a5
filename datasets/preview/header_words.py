"""Words of column names that speak of a person: English, Dutch, German, French, Spanish, and some
of Italian, Portuguese, Polish and the Nordic languages.

A name is taken apart into words (`geboorteDatum_v2` is geboorte, datum, v2), without accents. A
phrase speaks wherever it stands in a name, a whole one only where it is all of the name: `name` may
be of a gene. Words joined or apart are the same: `date of birth`, `DateOfBirth`, `dateofbirth`.
"""

import re
import unicodedata
from dataclasses import dataclass
from functools import cache
from typing import Final, Literal

Kind = Literal[
    "name",
    "birth",
    "postcode",
    "phone",
    "email",
    "number",
    "record",
    "address",
    "ip",
    "place",
    "text",
]
"""What a column may hold of a person; `number` is a national id, `record` one of a hospital."""

_LONGEST: Final = 300  # characters of a name that are looked at
_MOST_WORDS: Final = 40
_WORD: Final = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+")
_FOLDED: Final = str.maketrans({"ß": "ss", "ø": "o", "Ø": "O", "ł": "l", "Ł": "L", "ı": "i"})
# of what is named, where this stands beside it, or of a measure: no person's
_OTHERS_NAMES: Final = frozenset(
    """file sample taxon taxa species genus gene protein organism strain variable study project drug
    medication product column table field domain host user web server brand device assay test lab
    scientific common compound metabolite pathway feature otu asv city street straat country
    hospital institute institution school company event""".split()
)
_NO_STREET: Final = frozenset("email mail ip mac web url http wallet memory".split())


@dataclass(frozen=True)
class _Words:
    kind: Kind
    phrases: str  # in quotes of `;`: one or more words each
    whole: str = ""


_WORDS: Final = (
    _Words(
        "name",
        "first name; last name; family name; given name; full name; maiden name; middle name; "
        "surname; forename; patient name; name of patient; participant name; subject name; "
        "person name; contact name; initials; "
        "voornaam; voornamen; achternaam; familienaam; meisjesnaam; roepnaam; voorletters; "
        "tussenvoegsel; naam patient; patientnaam; "
        "vorname; vornamen; nachname; familienname; geburtsname; rufname; patientenname; "
        "prenom; prenoms; nom de famille; nom de naissance; nom patient; nom du patient; "
        "nombre completo; apellido; apellidos; nombre y apellidos; nombre paciente; "
        "nombre del paciente; cognome; sobrenome; fornamn; efternamn; fornavn; etternavn; "
        "efternavn; imie; nazwisko",
        whole="name; names; naam; nom; nombre; nome; navn; namn; patient; naam en voornaam",
    ),
    _Words(
        "birth",
        "date of birth; birth date; birthday; dob; year of birth; birth year; yob; birth month; "
        "month of birth; geboorte datum; geboorte jaar; geb datum; gebdat; geboortedag; "
        "geburts datum; geburtstag; geburts jahr; geboren am; date de naissance; date naissance; "
        "annee de naissance; annee naissance; ddn; fecha de nacimiento; fecha nacimiento; "
        "ano de nacimiento; ano nacimiento; fecnac; data di nascita; data de nascimento; "
        "fodelsedatum; fodselsdato; fodselsdag; data urodzenia",
        whole="born; birth; geboren; naissance; nacimiento; nascimento",
    ),
    _Words(
        "postcode",
        "post code; postal code; zip code; plz; postleitzahl; code postal; codigo postal; "
        "post nummer; kod pocztowy; cod postal; pc4; pc6",
        whole="zip; postal; patient zip; home zip",
    ),
    _Words(
        "phone",
        "phone; telephone; phone number; cell phone; telefoon; telefoonnummer; telefoonnr; "
        "mobiel nummer; telefon; telefonnummer; mobilnummer; handynummer; numero de telephone; "
        "num tel; telefono; telefone; telemovel; celular; gsm nummer; fax",
        whole="tel; mobile; mobiel; mobil; handy; gsm; cell; movil; portable; tel nr; "
        "mobile number",
    ),
    _Words(
        "email",
        "email; e mail; mail address; mailadres; emailadres; emailaddress; courriel; "
        "correo electronico; adresse mail; adresse electronique",
        whole="mail; correo; correio",
    ),
    _Words(
        "number",
        "bsn; burgerservicenummer; burger service nummer; sofi nummer; sofinr; ssn; "
        "social security number; social security; nhs number; nhs no; nhs nr; national id; "
        "national identification number; national identifier; national insurance number; nino; "
        "pesel; person nummer; personal identity number; fodselsnummer; cpr nummer; cpr number; "
        "cpr; henkilotunnus; hetu; rijksregister nummer; rijksregister; insz; niss; "
        "numero de securite sociale; securite sociale; num secu; sozialversicherungsnummer; "
        "rentenversicherungsnummer; steuer id; steueridentifikationsnummer; ahv nummer; "
        "versichertennummer; krankenversichertennummer; dni; curp; cpf; codice fiscale; "
        "numero de identidad; documento de identidad; passport; passport number; paspoort nummer; "
        "reisepassnummer; pasaporte; passeport; identity card; drivers license; driver license; "
        "rijbewijs nummer; iban; bank account; rekeningnummer",
        whole="nir; nie; nif; avs; ahv; cedula; ni number",
    ),
    _Words(
        "record",
        "mrn; medical record number; hospital number; patient number; patient nummer; patientnr; "
        "zis nummer; epd nummer; krankenaktennummer; fallnummer; patientennummer; "
        "numero de dossier; numero dossier; historia clinica; numero historia; insurance number; "
        "polisnummer",
        whole="nhc; patnr; ipp",
    ),
    _Words(
        "address",
        "street; street address; home address; house number; straat; straatnaam; huis nummer; "
        "woonadres; strasse; haus nummer; anschrift; wohnadresse; adresse postale; "
        "nom de rue; direccion postal; calle; domicilio; domicile; indirizzo; endereco; morada",
        whole="address; address 1; address 2; adres; adresse; rue; direccion; adresse patient; "
        "patient address; adress",
    ),
    _Words("ip", "ip address; ip adres; ip adresse; adresse ip; ip addr", whole="ip; ipv4; ipv6"),
    _Words(
        "place",
        "gps; geolocation; breedtegraad; lengtegraad; breitengrad; langengrad; home latitude; "
        "home longitude",
        whole="latitude; longitude; lat; lon; lng; lat lon; coordinates; latitud; longitud; "
        "coordonnees; coordinaten",
    ),
    _Words(
        "text",
        "free text; comments; remarks; opmerking; opmerkingen; toelichting; vrije tekst; "
        "bemerkung; bemerkungen; anmerkung; anmerkungen; freitext; remarque; remarques; "
        "commentaire; commentaires; texte libre; observaciones; comentario; comentarios; "
        "anamnesis; anamnese; clinical notes; clinical note",
        whole="notes; note; comment; remark; kommentar; notas; narrative; observacion",
    ),
)


def kinds_named(label: str) -> dict[Kind, str]:
    """Return what a column's name says it holds, each with the words that say so."""
    words = words_of(label)
    if not words:
        return {}
    phrases, beginnings, wholes = _index()
    found: dict[Kind, str] = {}
    if kind := wholes.get("".join(words)):
        found[kind] = " ".join(words)
    for start in range(len(words)):
        joined = ""
        for end in range(start, len(words)):
            joined += words[end]
            if joined not in beginnings:
                break
            named = phrases.get(joined)
            if named and named not in found and not _is_of_something_else(named, words, start):
                found[named] = " ".join(words[start : end + 1])
    return found


def words_of(label: str) -> list[str]:
    """Return the words of a column's name in lower case, without accents."""
    plain = label[:_LONGEST]
    if not plain.isascii():
        folded = plain.translate(_FOLDED)
        plain = unicodedata.normalize("NFKD", folded).encode("ascii", "ignore").decode()
    return [word.lower() for word in _WORD.findall(plain)[:_MOST_WORDS]]


def _is_of_something_else(kind: Kind, words: list[str], start: int) -> bool:
    if kind == "name":
        return start > 0 and words[start - 1] in _OTHERS_NAMES
    return kind == "address" and not _NO_STREET.isdisjoint(words)


@cache
def _index() -> tuple[dict[str, Kind], frozenset[str], dict[str, Kind]]:
    """Return phrases, what any of them begins with, and whole names, their words joined."""
    phrases: dict[str, Kind] = {}
    wholes: dict[str, Kind] = {}
    for words in _WORDS:
        phrases |= dict.fromkeys(_joined(words.phrases), words.kind)
        wholes |= dict.fromkeys(_joined(words.whole), words.kind)
    beginnings = {phrase[:end] for phrase in phrases for end in range(1, len(phrase) + 1)}
    return phrases, frozenset(beginnings), wholes


def _joined(names: str) -> list[str]:
    return ["".join(name.split()) for name in names.split(";") if name.strip()]
