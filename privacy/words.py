"""Words of column names that speak of what others may know of a person, or should not learn.

English, Dutch, German, French and Spanish. What tells who a person *is* (names, postcodes, dates of
birth) is found by `datasets.preview.header_words`; these are the traits beside it. A phrase counts
wherever its words stand in a short name; of taxa and genes, whose names are long, none does.
"""

from functools import cache
from typing import Final, Literal

from datasets.preview.header_words import words_of

Trait = Literal["quasi_identifier", "sensitive"]

_MOST_WORDS: Final = 6
# what shows in daily life, or in registers that others hold
_KNOWN: Final = (
    "age; leeftijd; alter; edad; age group; leeftijdsgroep; "
    "sex; gender; geslacht; geschlecht; sexe; sexo; genero; "
    "race; ethnicity; ethnic group; ethnic; etniciteit; ethnie; etnia; "
    "country; native country; nationality; nationaliteit; nationalitat; nationalite; nacionalidad; "
    "region; regio; province; provincie; county; city; town; village; municipality; gemeente; "
    "gemeinde; stad; woonplaats; wohnort; stadt; ville; ciudad; district; "
    "birthplace; place of birth; geboorteplaats; geburtsort; lieu de naissance; "
    "marital status; civil status; burgerlijke staat; familienstand; situation familiale; "
    "estado civil; household; huishouden; number of children; "
    "education; educational level; opleiding; bildung; formation; educacion; "
    "occupation; profession; job; job title; employer; workclass; beroep; werkgever; beruf; "
    "profesion; language; mother tongue; moedertaal; muttersprache; langue; idioma; "
    "height; body height; lengte; grosse; weight; body weight; gewicht; bmi; "
    "admission date; date of admission; discharge date; visit date; date of visit; opnamedatum; "
    "aufnahmedatum; date of death; death date; overlijdensdatum; todesdatum; "
    "hospital; ziekenhuis; krankenhaus; study site; center; centre"
)
# health, and what the GDPR's article 9 names, and income
_NOT_TO_BE_LEARNT: Final = (
    "diagnosis; diagnoses; diagnose; diagnostic; diagnostico; disease; ziekte; krankheit; maladie; "
    "enfermedad; disorder; condition; comorbidity; icd; icd10; icd 10; "
    "hiv; hiv status; aids; std; cancer; tumor; tumour; stage; cd4; cd40; viral load; "
    "outcome; result; test result; uitslag; ergebnis; resultat; resultado; symptom; symptoms; "
    "cause of death; medication; medicatie; medikation; drug; drugs; treatment; behandeling; "
    "behandlung; traitement; tratamiento; therapy; genotype; mutation; allele; "
    "pregnant; pregnancy; abortion; smoker; smoking; alcohol; "
    "depression; psychiatric; mental health; disability; "
    "religion; religie; religious; sexual orientation; orientation; political; party; union; "
    "criminal; conviction; "
    "salary; salary class; income; inkomen; salaris; einkommen; gehalt; wage; revenu; salaire; "
    "ingresos; salario; debt; benefit"
)


def trait_named(label: str) -> tuple[Trait, str] | None:
    """Return what a column's name says it is to others, with the words that say so.

    The longest phrase decides, of two the first.
    """
    words = words_of(label)
    if not 0 < len(words) <= _MOST_WORDS:
        return None
    phrases = _phrases()
    spans = [
        (start, end) for start in range(len(words)) for end in range(start + 1, len(words) + 1)
    ]
    for start, end in sorted(spans, key=lambda span: (span[0] - span[1], span[0])):
        if trait := phrases.get("".join(words[start:end])):
            return trait, " ".join(words[start:end])
    return None


@cache
def _phrases() -> dict[str, Trait]:
    found: dict[str, Trait] = dict.fromkeys(_joined(_KNOWN), "quasi_identifier")
    return found | dict.fromkeys(_joined(_NOT_TO_BE_LEARNT), "sensitive")


def _joined(phrases: str) -> list[str]:
    return ["".join(phrase.split()) for phrase in phrases.split(";") if phrase.strip()]
