"""What this app holds of an account: its datasets."""

from __future__ import annotations

from collections.abc import Iterator
from uuid import UUID

from django.db import connection
from django.http import HttpRequest
from django.urls import reverse
from psycopg2 import sql

from datasets import rpc, takeout
from datasets.identifiers import in_data_schema
from datasets.loading.holding import submissions_drop, submissions_stop
from datasets.quota import bytes_used, in_units
from datasets.services import dataset_drop
from datasets.templatetags.fairdb import times
from fairdb_site.archives import ArchivedFile


class Datasets:
    """The datasets of accounts, as `accounts.holdings` asks for them."""

    def summary(self, account: UUID) -> str:
        """Return how many datasets and rows there are."""
        with connection.cursor() as cursor:
            cursor.execute(
                sql.SQL(
                    "select count(*), coalesce(sum(row_count), 0)::bigint from {}"
                    " where user_id = %s and state <> 'deleting'"
                ).format(in_data_schema("datasets")),
                [account],
            )
            datasets, rows = cursor.fetchone()
        return f"{times(datasets, 'dataset')} with {times(rows, 'row')}" if datasets else ""

    def storage(self, account: UUID) -> str:
        """Return what the tables take in the database."""
        return f"{in_units(bytes_used(account))} of the database"

    def listed_at(self, account: UUID) -> str:
        """Return where staff see the datasets that are ready."""
        return f"{reverse('admin:datasets_dataset_changelist')}?user_id={account}"

    def files(self, account: UUID, request: HttpRequest) -> Iterator[ArchivedFile]:
        """Yield every dataset: its rows, its columns, its facts, its activity."""
        return takeout.files(account, request)

    def contents(self) -> str:
        """Return what the files are."""
        return takeout.CONTENTS

    def hide(self, account: UUID) -> None:
        """Mark all that are ready as deleting: nobody reads them from the commit on."""
        with connection.cursor() as cursor:
            cursor.execute(
                sql.SQL(
                    "update {} set state = 'deleting' where user_id = %s and state = 'ready'"
                ).format(in_data_schema("datasets")),
                [account],
            )
        submissions_stop(account)
        rpc.forget_cached_tables(account)

    def drop(self, account: UUID) -> bool:
        """Drop all but what a living load is still writing; return whether nothing is left."""
        self.hide(account)  # what became ready since
        with connection.cursor() as cursor:
            cursor.execute(
                sql.SQL("select id, state from {} where user_id = %s").format(
                    in_data_schema("datasets")
                ),
                [account],
            )
            found = cursor.fetchall()
        went = [dataset_drop(dataset_id, state) for dataset_id, state in found]
        return submissions_drop(account) and all(went)
