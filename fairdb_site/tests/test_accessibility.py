"""Every page by axe-core: no violation of its rules, wide and light, narrow and dark.

Which pages there are the table of routes says, so that a new one is looked at by itself. What HTMX
swaps into a page is looked at after the swap.
"""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from axe_playwright_python.sync_playwright import Axe

from conftest import People, make_person
from datasets import rpc
from datasets.joining.services import dataset_attach
from datasets.tests.loading.queue import drafted, drain
from datasets.tests.pages.tables import load_table
from datasets.tests.stored import store_dataset
from fairdb_site.supabase.clients import Supabase
from fairdb_site.tests.test_routes import ROUTES, World
from privacy.rpc import set_privacy_roles
from privacy.services import report_keep, report_make

pytestmark = pytest.mark.browser

NO_PAGES = {  # options of a list, and downloads
    "datasets/<uuid:dataset_id>/columns/names/",
    "datasets/<uuid:dataset_id>/dictionary.csv",
    "datasets/<uuid:dataset_id>/dictionary.json",
    "datasets/<uuid:dataset_id>/privacy/reports/<uuid:report_id>/report.json",
}
LOOKS = {"wide and light": (1280, "light"), "narrow and dark": (390, "dark")}


@pytest.fixture(scope="module")
def world(db_ready: None) -> World:
    return World(People(make_person("alice"), make_person("bob"), make_person("carol", staff=True)))


def violations(page: Any) -> list[str]:
    """Return what axe-core finds, a line for each place; of many rows alike, in the first ones."""
    found = Axe().run(page, context={"exclude": [["tbody tr:nth-child(n+5)"]]})
    return [
        f"{rule['id']}: {node['html'][:160]} | {node['any'][0]['message'] if node['any'] else ''}"
        for rule in found.response["violations"]
        for node in rule["nodes"]
    ]


def pages_of(who: str) -> Iterator[str]:
    """Yield the routes that answer somebody with a page; nobody's are looked at as nobody."""
    for route, expected in ROUTES.items():
        nobody, alice, _, carol = expected.get
        if route in NO_PAGES:
            continue
        first = "nobody" if nobody == 200 else "alice" if alice == 200 else "carol"
        answered = {"nobody": nobody, "alice": alice, "carol": carol}[who]
        if answered == 200 and who == first:
            yield route


@pytest.mark.parametrize("look", LOOKS)
@pytest.mark.parametrize("who", ["nobody", "alice", "carol"])
def test_no_page_breaks_a_rule(open_page: Any, world: World, who: str, look: str) -> None:
    width, scheme = LOOKS[look]
    page = open_page(None if who == "nobody" else world.person(who), width=width)
    page.emulate_media(color_scheme=scheme)
    found = {}
    for route in pages_of(who):
        page.goto(world.address(route))
        if wrong := violations(page):
            found[route] = wrong

    assert found == {}


@pytest.fixture(scope="module")
def busy(world: World) -> UUID:
    """A dataset in which much has happened: missing cells, corrections, attached columns."""
    alice = world.people.alice
    dataset = load_table(alice).id
    samples = load_table(alice, b"person,site\nP-0001,gut\nP-0002,skin\n", title="Samples").id
    supabase = Supabase(alice.access_token)
    rpc.update_dataset_row(supabase, dataset, 1, {2: 7, 7: None})
    rpc.delete_dataset_rows(supabase, dataset, [5, 6])
    dataset_attach(owner_id=alice.user.pk, dataset_id=dataset, source_id=samples)
    set_privacy_roles(supabase, dataset, {2: "quasi_identifier", 3: "sensitive"})
    report_keep(supabase=supabase, made=report_make(owner_id=alice.user.pk, dataset_id=dataset))
    store_dataset(alice.user.pk, title="Another <b>one</b> " * 6)
    return dataset


@pytest.mark.parametrize("look", LOOKS)
def test_no_page_of_a_busy_dataset_breaks_a_rule(
    open_page: Any, world: World, busy: UUID, look: str
) -> None:
    width, scheme = LOOKS[look]
    page = open_page(world.people.alice, width=width)
    page.emulate_media(color_scheme=scheme)
    found = {}
    for rest in (
        "",
        "?where=2.ge.30&sort=-3&rows=50",
        "?where=2.ge.many",
        "columns/",
        "columns/2/",
        "choose/",
        "history/",
        "rows/1/",
        "rows/5/",
        "join/",
        "versions/",
        "describe/",
        "privacy/",
        "privacy/combinations/",
        "privacy/roles/?suggest=1",
        "privacy/reports/",
        "export/",
    ):
        page.goto(f"/datasets/{busy}/{rest}")
        if wrong := violations(page):
            found[rest] = wrong

    assert found == {}


def looking(page: Any, found: dict[str, list[str]]) -> Callable[[str], None]:
    """Return a function that looks at the page once a swap is done, and notes what is wrong."""

    def look_at(step: str) -> None:
        page.wait_for_selector(".htmx-request, .htmx-swapping, [aria-busy=true]", state="detached")
        if wrong := violations(page):
            found[step] = wrong

    return look_at


def test_nothing_that_is_swapped_in_breaks_a_rule(open_page: Any, world: World, busy: UUID) -> None:
    page = open_page(world.people.alice)
    found: dict[str, list[str]] = {}
    look_at = looking(page, found)

    page.goto(f"/datasets/{busy}/")
    page.locator("#sort-2").click()
    page.wait_for_selector("th[aria-sort]")
    look_at("sorted")
    page.locator("#choose-columns").click()
    page.wait_for_selector("[data-chooser]")
    look_at("columns chosen")
    page.keyboard.press("Escape")
    page.locator("#rows tbody tr:first-child td").nth(1).dblclick()
    page.wait_for_selector(".editing input[type=text]")
    look_at("a cell as a form")
    page.locator(".editing input[type=text]").fill("many")
    page.keyboard.press("Enter")
    page.wait_for_selector(".editing .field-error")
    look_at("a cell refused")
    page.locator(".editing input[type=text]").fill("44")
    page.keyboard.press("Enter")
    page.wait_for_selector("#corrected form")
    look_at("a cell stored")
    page.goto(f"/datasets/{busy}/columns/")
    page.locator("input[type=search]").first.fill("taxon")
    page.wait_for_load_state("networkidle")
    look_at("columns searched")
    page.goto("/search/")
    page.locator("input[type=search]").first.fill("taxon")
    page.keyboard.press("Enter")
    page.wait_for_load_state("networkidle")
    look_at("searched")

    assert found == {}


def test_nothing_on_the_way_in_breaks_a_rule(open_page: Any, tmp_path: Path) -> None:
    alice = make_person("alice")
    page = open_page(alice)
    found: dict[str, list[str]] = {}
    look_at = looking(page, found)

    (table := tmp_path / "cohort.csv").write_text("id,surname,age\nP1,Jansen,36\nP2,Vries,40\n")
    page.goto("/datasets/new/")
    page.locator("input[type=file]").set_input_files(table)
    page.get_by_text("Load it without a look").click()
    page.wait_for_selector("select#id_id_column")
    look_at("columns listed")
    page.get_by_label("Column types").fill("age=number")
    page.get_by_role("button", name="Upload", exact=True).click()
    page.wait_for_selector("#upload [role=alert]")
    look_at("upload refused")

    draft = drafted(alice, table.read_bytes())
    page.goto(f"/loads/{draft.pk}/preview/")
    page.get_by_label("Part of a column's name").fill("ag")
    page.wait_for_selector("#preview-columns tbody tr:nth-child(2)", state="detached")
    look_at("preview searched")
    page.get_by_label("Columns like").fill("nothing*")
    page.get_by_role("button", name="Choose", exact=True).click()
    page.wait_for_selector("#preview-pattern-error")
    look_at("pattern refused")
    page.get_by_role("button", name="Load it").click()
    page.wait_for_selector("[data-follows]")
    look_at("load followed")
    drain()
    page.get_by_role("heading", name="All 2 rows stored").wait_for()
    look_at("load stored")

    assert found == {}


def test_nothing_swapped_in_by_a_filter_or_on_privacy_breaks_a_rule(
    open_page: Any, world: World, busy: UUID
) -> None:
    page = open_page(world.people.alice)
    found: dict[str, list[str]] = {}
    look_at = looking(page, found)

    page.goto(f"/datasets/{busy}/")
    page.get_by_text("Filter rows").click()
    page.locator("#column-1").fill("nothing like it")
    page.locator("#conditions button[type=submit]").last.click()
    page.wait_for_selector("[id^=condition-error]")
    look_at("filter refused")
    page.goto(f"/datasets/{busy}/privacy/")
    page.get_by_role("link", name="Try all combinations").click()
    page.wait_for_selector("#sweep table")
    look_at("combinations tried")
    page.get_by_role("button", name="Measure by these").click()
    page.wait_for_selector("#sweep a")
    look_at("measured by other thresholds")
    page.goto(f"/datasets/{busy}/privacy/roles/")
    page.locator("select[id^=role-]").nth(2).select_option("sensitive")
    page.wait_for_load_state("networkidle")
    look_at("a role chosen")

    assert found == {}
