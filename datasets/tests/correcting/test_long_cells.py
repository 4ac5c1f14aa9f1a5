"""Cells of a megabyte are stored and read whole, and cut wherever a page shows many of them."""

from typing import Any

from accounts.tests.doors import sign_in
from conftest import Person
from datasets import rpc
from datasets.tests.correcting.rows import HTMX, address, fields
from datasets.tests.stored import store_dataset
from fairdb_site.supabase.clients import Supabase

LONG = "é<" * 500_000
CUT = "é&lt;" * 150


def test_pages_carry_but_the_beginning_of_a_long_cell_and_say_how_much_is_left(
    alice: Person,
) -> None:
    texts: list[Any] = [LONG, "7" * 300, "7" * 301, None]
    columns: Any = {"note": ("text", texts), "yes": ("boolean", [True] * 4), "b": ("text", texts)}
    stored = store_dataset(alice.user.id, columns, rows=4)
    supabase, client = Supabase(alice.access_token), sign_in(alice)

    def rows(**asked: Any) -> Any:
        return rpc.select_dataset_rows(supabase, stored.id, [4, 2, 3], **asked)["rows"]

    assert [row[2] for row in rows()] == texts
    cut = [LONG[:300] + "1000000", "7" * 300, "7" * 300 + "301", None]
    assert rows(longest=300) == [[n, f"hash{n}", text, text, "t"] for n, text in enumerate(cut, 1)]
    assert rows(longest=-1)[1][2] == "7300"

    page = client.get(f"/datasets/{stored.id}/").content.decode()
    assert f"{CUT}… (999,700 more)</td>" in page
    assert f">{'7' * 300}</td>" in page
    assert f"{'7' * 300}… (1 more)</td>" in page
    assert len(page) < 200_000

    made = rpc.update_dataset_row(supabase, stored.id, 1, {2: LONG + "!"})
    cell = client.get(address(stored, 1, 2) + "?as-it-is", headers=HTMX).content.decode()
    history = client.get(f"/datasets/{stored.id}/history/").content.decode()
    assert f"{CUT}… (999,701 more)</td>" in cell
    assert f"{'é&lt;' * 60}… (999,880 more)</del>" in history
    assert f"{'é&lt;' * 60}… (999,881 more)</ins>" in history
    assert len(cell + history) < 60_000
    (change,) = rpc.get_changes(supabase, stored.id)
    assert (change["change"], change["shown"][0]["new"]) == (made["change"], LONG + "!")

    # the form to correct it by has all of it
    form = client.get(address(stored, 1, 2), headers=HTMX).content.decode()
    assert fields(form)["c2"] == LONG + "!"
