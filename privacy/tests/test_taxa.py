"""How many taxa of a stored table single samples out: asked for by itself, refused plainly."""

import json
from contextlib import closing
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from accounts import audit
from accounts.tests.doors import sign_in
from conftest import Person
from datasets.tests.loading.tables import csv_text, load_csv
from datasets.turns import WORK_UNDER_WAY, require_turn
from privacy.abundances import abundances_read
from privacy.measures import taxa as measures
from privacy.pages import shown

HTMX = {"HX-Request": "true"}
SAMPLES, TAXA = 8, 50


def test_taxa_are_measured_where_asked_and_refused_past_what_can_be(
    alice: Person, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # every other sample lacks the second taxon, the third is missing once, the last is below 0
    header = ["sample", "age", *(f"taxon {n}" for n in range(TAXA)), "change"]
    rows = [
        [f"S{n}", 40 + n, 100, n % 2, 3 if n else "", *[0.5] * (TAXA - 3), -n]
        for n in range(SAMPLES)
    ]
    dataset = load_csv(alice, tmp_path, csv_text(header, rows)).dataset
    owner, page = alice.user.pk, f"/datasets/{dataset}/privacy/"
    browser = sign_in(alice)
    assert f'hx-get="{page}taxa/"' in browser.get(page).content.decode()
    role = {"columns": "age", "role": "quasi_identifier", "seen_at": ""}
    browser.post(f"{page}roles/pattern/", role)

    read = abundances_read(owner_id=owner, dataset_id=dataset)
    found = shown.taxa_shown(owner_id=owner, dataset_id=dataset)
    whole, part = browser.get(f"{page}taxa/"), browser.get(f"{page}taxa/", headers=HTMX)

    assert (read.values.shape, read.labels[0]) == ((SAMPLES, TAXA), "taxon 0")
    assert read.values[:3, :3].tolist()[1:] == [[100, 1, 3], [100, 0, 3]]
    assert str(read.values[0, 2]) == "nan"
    # the sample without its third taxon is alone, the others look like three more
    assert (found.samples, found.taxa, found.needed[0][1:]) == (SAMPLES, TAXA, (None, None))
    assert [step.presence for step in found.curve.steps][-1] == 1 / SAMPLES
    assert "Of 50 columns over 8 samples, the taxa are tried" in " ".join(
        whole.content.decode().split()
    )
    assert b"<html" in whole.content
    assert b"<html" not in part.content
    assert "rows read" in {event.action for event in audit.events(dataset=dataset, most=10)}
    assert f'hx-get="{page}taxa/"' in browser.get(page).content.decode()

    path = tmp_path / "again.csv"
    path.write_text(csv_text(header, rows))
    printed = []
    for table in (str(path), str(dataset)):
        out = StringIO()
        with pytest.raises(CommandError, match="thresholds missed"):
            call_command(
                "privacy_report", table, "--quasi-identifiers=age", "--taxa", "--json", stdout=out
            )
        printed.append(json.loads(out.getvalue())["taxa"])
    assert printed[0] == printed[1]
    assert printed[0]["unique"]["50"]["presence"] == 1 / SAMPLES
    assert printed[0]["needed"]["0.5"] == {"presence": None, "abundance": None}
    kept = browser.post(f"{page}reports/", {"taxa": "1"}).headers["Location"]
    assert json.loads(browser.get(f"{kept}report.json").content)["figures"]["taxa"] == printed[0]
    assert "Share of samples that are unique to whoever knows" in browser.get(kept).content.decode()

    with closing(connection.copy()) as other, other.cursor() as cursor:
        other.set_autocommit(False)
        require_turn(cursor, owner)
        assert WORK_UNDER_WAY in browser.get(f"{page}taxa/").content.decode()
        other.rollback()

    monkeypatch.setattr(measures, "MOST_CELLS", SAMPLES * TAXA - 1)
    assert "at most 399 are measured" in browser.get(f"{page}taxa/").content.decode()
    more = {"columns": "taxon 3", "role": "sensitive", "seen_at": browser.get(page).context["seen"]}
    browser.post(f"{page}roles/pattern/", more)
    assert "this one has 49" in browser.get(f"{page}taxa/").content.decode()
    assert f'hx-get="{page}taxa/"' not in browser.get(page).content.decode()
