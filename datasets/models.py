"""Datasets and their columns as Django reads them, for staff, commands and selectors.

Their tables are made by `datasets/sql/` in the data schema and belong to that contract, so Django
manages none of them. Django's own connection is not bound by row level security unless it runs
inside `fairdb_site.database.as_user`: filter by `user_id`, or go through `datasets.rpc`.
"""
# ruff: noqa: DJ001  null means not known yet, which an empty string would not

import uuid

from django.contrib.postgres.fields import ArrayField
from django.db import models

from datasets.sql.operation import qualified


class Dataset(models.Model):
    """One file as loaded, in one or more parts, owned by one Supabase user."""

    class State(models.TextChoices):
        """Where a dataset is on its way; users read rows of `ready` ones only."""

        CREATED = "created"
        LOADING = "loading"
        READY = "ready"
        DELETING = "deleting"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    user_id = models.UUIDField()
    title = models.TextField()
    description = models.TextField(default="", blank=True)
    origin = models.TextField(default="", blank=True)
    state = models.TextField(choices=State.choices, default=State.CREATED)
    id_label = models.TextField(null=True)
    id_position = models.IntegerField(null=True)
    row_count = models.BigIntegerField(null=True)
    column_count = models.IntegerField(null=True, help_text="Data columns, without the id.")
    parts = ArrayField(models.TextField(), default=list, help_text="Physical names, in order.")
    file_name = models.TextField(null=True)
    file_bytes = models.BigIntegerField(null=True)
    file_digest = models.TextField(null=True, help_text="SHA-256 of the file as uploaded, hex.")
    digest = models.TextField(null=True, help_text="SHA-256 of the dataset as exported, hex.")
    key_fingerprint = models.TextField(null=True)
    submission = models.UUIDField(null=True, help_text="One form sent; unique for each owner.")
    receipt = models.JSONField(null=True)
    seconds = models.FloatField(null=True)
    created_at = models.DateTimeField(auto_now_add=True)
    ready_at = models.DateTimeField(null=True)

    class Meta:
        managed = False
        db_table = qualified("datasets")
        ordering = ["-created_at"]

    def __str__(self) -> str:
        return self.title


class Load(Dataset):
    """A dataset on its way in or out, as staff see it: nobody reads its rows."""

    class Meta:
        proxy = True
        ordering = ["-created_at"]


class DatasetColumn(models.Model):
    """One column of a dataset: its label in the file, where it is stored, its statistics."""

    pk = models.CompositePrimaryKey("dataset_id", "position")
    dataset = models.ForeignKey(Dataset, on_delete=models.DO_NOTHING, related_name="columns")
    position = models.IntegerField(help_text="Place in the file, from 1.")
    label = models.TextField()
    name = models.TextField(help_text="Physical name.")
    part = models.IntegerField(null=True, help_text="From 1; null for the id column.")
    data_type = models.TextField()
    role = models.TextField(null=True)
    missing = models.BigIntegerField(null=True)
    distinct_count = models.BigIntegerField(null=True)
    minimum = models.TextField(null=True)
    maximum = models.TextField(null=True)
    mean = models.FloatField(null=True)
    top = models.JSONField(null=True, help_text="[[value, count], ...], most frequent first.")

    class Meta:
        managed = False
        db_table = qualified("dataset_columns")
        ordering = ["position"]

    def __str__(self) -> str:
        return self.label


class MetadataTable(models.Model):
    """The ownership of one part; outlives its dataset until the part itself is dropped."""

    id = models.BigAutoField(primary_key=True)
    table_name = models.TextField(unique=True)
    main_table = models.TextField(default="", blank=True)
    description = models.TextField(default="", blank=True)
    origin = models.TextField(default="", blank=True)
    user_id = models.UUIDField()
    dataset = models.ForeignKey(
        Dataset, on_delete=models.DO_NOTHING, null=True, related_name="tables"
    )
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        managed = False
        db_table = qualified("metadata_tables")
        ordering = ["id"]

    def __str__(self) -> str:
        return self.table_name


class StagedFile(models.Model):
    """An uploaded file while it is loaded: where it lies in the storage `staged`, and its key.

    A table of Django's own: no function of the data schema reads it. Only `datasets.staging` does.
    """

    name = models.CharField(max_length=32, primary_key=True)
    sealed_key = models.BinaryField(help_text="Sealed under FAIRDB_TOKEN_KEYS.")
    created_at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return self.name
