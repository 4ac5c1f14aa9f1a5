"""A cell corrected in its place in the table of rows."""

from typing import Any

import pytest
from django.test import Client

from datasets.tests.correcting.rows import HTMX, address, fields, values
from datasets.tests.stored import Stored


def test_a_cell_is_corrected_in_its_place(client: Client, stored: Stored) -> None:
    form = client.get(address(stored, 1, 2), headers=HTMX).content.decode()

    stored_cell = client.post(
        address(stored, 1, 2), fields(form) | {"c2": "32"}, headers=HTMX
    ).content.decode()

    assert form.lstrip().startswith('<td class="editing">')
    assert '<td class="n">32</td>' in stored_cell
    assert 'hx-swap-oob="innerHTML:#corrected"' in stored_cell
    assert "/undo/" in stored_cell
    assert values(stored, 1)[0] == 32


def test_a_cell_left_as_it_was_says_nothing(client: Client, stored: Stored) -> None:
    form = client.get(address(stored, 3, 6), headers=HTMX).content.decode()

    left = client.get(address(stored, 3, 6) + "?as-it-is", headers=HTMX).content.decode()
    same = client.post(address(stored, 3, 6), fields(form), headers=HTMX).content.decode()

    assert "missing</td>" in left
    assert "/undo/" not in same


@pytest.mark.parametrize(("typed", "status"), [("many", 422), ("32", 409)])
def test_a_cell_refused_or_overtaken_stays_a_form(
    client: Client, stored: Stored, alice: Any, typed: str, status: int
) -> None:
    form = fields(client.get(address(stored, 1, 2), headers=HTMX).content.decode())
    if status == 409:
        alice.rpc(
            "update_table_row",
            {"p_table_name": stored.table, "p_row_id": 1, "p_updates": {"c2": 99}},
        )

    answer = client.post(address(stored, 1, 2), form | {"c2": typed}, headers=HTMX)

    assert answer.status_code == status
    assert fields(answer.content.decode())["c2"] == typed


def test_without_htmx_a_cell_is_corrected_on_the_page_of_its_row(
    client: Client, stored: Stored
) -> None:
    answer = client.get(address(stored, 1, 4))

    assert (answer.status_code, answer["Location"]) == (302, address(stored, 1) + "?after=3#c4")


@pytest.mark.parametrize(("row", "position"), [(1, 1), (1, 99), (99, 2)])
def test_the_id_and_cells_that_are_not_there_are_not_found(
    client: Client, stored: Stored, row: int, position: int
) -> None:
    assert client.get(address(stored, row, position), headers=HTMX).status_code == 404
