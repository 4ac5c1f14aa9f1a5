"""Another dataset of the owner as the population: its rows counted, whatever they are typed as."""

import json
from io import StringIO
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from django.core.management import CommandError, call_command

from accounts import audit
from accounts.tests.doors import sign_in
from conftest import Person
from datasets.models import Dataset
from datasets.tests.loading.tables import load_csv
from fairdb_site.errors import Refused
from privacy import populations, services
from privacy.models import PrivacyPopulationCodes

SAMPLE = "id,age,sex\nP1,34,f\nP2,34,f\nP3,35,m\nP4,,m\n"
# ages with decimals, in another order, and one that the sample has not
PEOPLE = "person,sex,age\n" + "".join(
    f"Q{n},{sex},{age}\n"
    for n, (sex, age) in enumerate(
        [*[("f", "34.0")] * 4, *[("m", "35.0")] * 2, ("m", "36.5"), *[("m", "")] * 3]
    )
)


def printed(dataset: UUID, *options: str) -> dict[str, Any]:
    out = StringIO()
    with pytest.raises(CommandError, match="missed"):
        call_command("privacy_report", str(dataset), *options, "--json", stdout=out)
    found: dict[str, Any] = json.loads(out.getvalue())
    return found


def test_rows_of_another_dataset_are_counted_as_the_population(
    alice: Person, bob: Person, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sample = load_csv(alice, tmp_path, SAMPLE).dataset
    people = load_csv(alice, tmp_path, PEOPLE, id_column="person").dataset
    other = load_csv(alice, tmp_path, "id,age\nR1,34\n").dataset
    theirs = load_csv(bob, tmp_path, PEOPLE, id_column="person").dataset
    title = Dataset.objects.get(pk=people).title
    browser, page = sign_in(alice), f"/datasets/{sample}/privacy/"
    roles = {"columns": "age,sex", "role": "quasi_identifier", "seen_at": ""}
    browser.post(f"{page}roles/pattern/", roles)
    seen = browser.get(page).context["seen"]

    def choose(dataset: UUID | str, **more: Any) -> Any:
        chosen = {"population_dataset": str(dataset), "seen": seen, "missing": "own", **more}
        return browser.post(f"{page}thresholds/", chosen)

    assert choose(theirs).status_code == choose(UUID(int=7)).status_code == 404
    for refused, sentence in (
        (choose(other), "The population has no &#x27;sex&#x27;"),
        (choose(sample), "A dataset is not its own population"),
        (choose(people, population=99), "not both"),
    ):
        assert (refused.status_code, sentence in refused.content.decode()) == (422, True)
    assert Dataset.objects.get(pk=sample).privacy_population_dataset is None
    assert choose(people).status_code == 302

    found = services.report_make(owner_id=alice.user.pk, dataset_id=sample)
    assert found.figures["population"] == 10
    # 4, 4, 2 and 3 people are like those of the table
    assert found.figures["journalist_max"] == 1 / 2
    assert found.figures["marketer"] == pytest.approx((1 / 4 + 1 / 4 + 1 / 2 + 1 / 3) / 4)
    shown = browser.get(page).content.decode()
    assert f"the rows of “{title}” that agree with the easiest one" in " ".join(shown.split())
    assert f'<option value="{people}" selected>' in shown
    swept = " ".join(browser.get(f"{page}combinations/").content.decode().split())
    assert 'Row 3</a> <small class="quiet-text">1 column' in swept
    kept = browser.post(f"{page}reports/").headers["Location"]
    body = json.loads(browser.get(f"{kept}report.json").content)
    assert body["thresholds"]["population_dataset"] == {"id": str(people), "title": title}
    assert f"10 rows of {title}" in browser.get(kept).content.decode()

    with monkeypatch.context() as unread:
        unread.setattr(populations, "_read", None)  # kept: nothing is read again
        assert printed(sample)["marketer"] == found.figures["marketer"]
    read_of_people = [event.action for event in audit.events(dataset=people, most=10)]
    assert read_of_people.count("rows read") == 2  # by the page within an hour, by the command
    following = load_csv(alice, tmp_path, SAMPLE, replaces=sample).dataset
    assert Dataset.objects.get(pk=following).privacy_population_dataset == people
    change = {"p_dataset_id": str(people), "p_row_id": 1, "p_updates": {"3": 36.5}}
    alice.rpc("update_dataset_row", change)
    assert printed(sample)["marketer"] == pytest.approx((1 / 3 + 1 / 3 + 1 / 2 + 1 / 3) / 4)
    assert printed(sample, "--population-size=40")["journalist_max"] == pytest.approx(1 / 10)
    path = tmp_path / "people.csv"
    path.write_text(PEOPLE)
    of_file = printed(sample, f"--population={path}")
    assert (of_file["population"], of_file["marketer"]) == (10, found.figures["marketer"])

    assert PrivacyPopulationCodes.objects.filter(dataset_id=sample).count() == 2
    Dataset.objects.filter(pk=people).update(state="deleting")
    with pytest.raises(Refused, match="chosen as the population is not there"):
        services.report_make(owner_id=alice.user.pk, dataset_id=sample)
    Dataset.objects.filter(pk=people).delete()
    assert not PrivacyPopulationCodes.objects.filter(dataset_id=sample).exists()
    assert Dataset.objects.get(pk=sample).privacy_population_dataset is None
