"""Datasets and their columns as Django reads them, for staff, commands and selectors.

Their tables are made by `datasets/sql/` in the data schema and belong to that contract, so Django
manages none of them. Django's own connection is not bound by row level security unless it runs
inside `fairdb_site.database.as_user`: filter by `user_id`, or go through `datasets.rpc`.
"""
# ruff: noqa: DJ001  null means not known yet, which an empty string would not

import uuid

from django.contrib.postgres.fields import ArrayField
from django.db import models

from datasets.jobs.job import Job, JobState
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
    series = models.UUIDField(default=uuid.uuid4, help_text="Shared by versions of one dataset.")
    version = models.IntegerField(default=1)
    keywords = ArrayField(models.TextField(), default=list, blank=True)
    licence = models.TextField(default="", blank=True, help_text="Of SPDX, or a sentence.")
    described_at = models.DateTimeField(null=True, help_text="When it was last described.")
    privacy_k = models.IntegerField(null=True, help_text="Thresholds; none: the default.")
    privacy_l = models.IntegerField(null=True)
    privacy_t = models.FloatField(null=True)
    privacy_risk = models.FloatField(null=True)
    privacy_missing = models.TextField(null=True, help_text="Missing quasi-identifiers.")
    privacy_population = models.BigIntegerField(null=True, help_text="People; none: not said.")
    privacy_population_dataset = models.UUIDField(null=True, help_text="Who is in it.")
    privacy_changed_at = models.DateTimeField(null=True, help_text="Thresholds, or a role.")
    edited_at = models.DateTimeField(null=True, help_text="When it was last corrected.")
    rows_changed_at = models.DateTimeField(null=True, help_text="When rows were last deleted.")
    recounted_at = models.DateTimeField(
        null=True, help_text="Statistics are of then, or as loaded."
    )

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
    description = models.TextField(default="", blank=True)
    unit = models.TextField(default="", blank=True)
    role = models.TextField(null=True)
    privacy_role = models.TextField(null=True, help_text="`privacy.chosen.Role`; None: not chosen.")
    missing = models.BigIntegerField(null=True)
    distinct_count = models.BigIntegerField(null=True)
    minimum = models.TextField(null=True)
    maximum = models.TextField(null=True)
    mean = models.FloatField(null=True)
    top = models.JSONField(null=True, help_text="[[value, count], ...], most frequent first.")
    edited_at = models.DateTimeField(null=True, help_text="When a cell was last corrected.")
    counted_at = models.DateTimeField(null=True, help_text="None: as it was loaded.")
    attachment_id = models.UUIDField(null=True, help_text="Attached from another dataset.")

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


class Change(models.Model):
    """What one transaction corrected in a dataset; the database's trigger writes it."""

    id = models.UUIDField(primary_key=True)
    number = models.BigIntegerField(unique=True)
    dataset = models.ForeignKey(Dataset, on_delete=models.DO_NOTHING, related_name="changes")
    at = models.DateTimeField()
    account = models.UUIDField(null=True, help_text="None: an operator, or SQL.")
    undoes = models.UUIDField(null=True)

    class Meta:
        managed = False
        db_table = qualified("changes")
        ordering = ["-number"]

    def __str__(self) -> str:
        return f"change {self.number}"


class ChangedRow(models.Model):
    """What a change did to one row of one part: values by physical name, as text."""

    class Kind(models.TextChoices):
        """What became of the row."""

        EDITED = "edited"
        DELETED = "deleted"
        RESTORED = "restored"

    id = models.BigAutoField(primary_key=True)
    change = models.ForeignKey(Change, on_delete=models.DO_NOTHING, related_name="changed_rows")
    dataset_id = models.UUIDField()
    row_number = models.BigIntegerField()
    part = models.TextField()
    kind = models.TextField(choices=Kind.choices)
    old = models.JSONField(null=True)
    new = models.JSONField(null=True)

    class Meta:
        managed = False
        db_table = qualified("changed_rows")
        ordering = ["id"]

    def __str__(self) -> str:
        return f"row {self.row_number} {self.kind}"


class Attachment(models.Model):
    """Columns attached to a dataset's rows from another by the pseudonym, and how ids matched."""

    id = models.UUIDField(primary_key=True)
    dataset = models.ForeignKey(Dataset, on_delete=models.DO_NOTHING, related_name="attachments")
    source_id = models.UUIDField(null=True)
    source_title = models.TextField()
    columns = models.IntegerField()
    matched = models.BigIntegerField(help_text="Ids that both had.")
    only_here = models.BigIntegerField()
    only_there = models.BigIntegerField()
    no_id = models.TextField(help_text="The pseudonym of an empty id.")
    source_names = models.JSONField(help_text="The source's physical name of each column's.")
    at = models.DateTimeField()

    class Meta:
        managed = False
        db_table = qualified("attachments")
        ordering = ["at"]

    def __str__(self) -> str:
        return f"from {self.source_title}"


class StagedFile(models.Model):
    """An uploaded file while it is loaded: where it lies in the storage `staged`, and its key.

    A table of Django's own: no function of the data schema reads it. Only `datasets.staging` does.
    """

    name = models.CharField(max_length=32, primary_key=True)
    sealed_key = models.BinaryField(help_text="Sealed under FAIRDB_TOKEN_KEYS.")
    created_at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return self.name


class Submission(Job):
    """A file that somebody sent, and what becomes of it: `datasets.loading` takes it through.

    Of the file's cells it holds none; what was asked may name columns, as the dataset's own tables
    do.
    """

    State = JobState

    key = models.UUIDField(null=True, help_text="One form sent; unique for each owner.")
    title = models.TextField()
    description = models.TextField(default="", blank=True)
    origin = models.TextField(default="", blank=True)
    options = models.JSONField(default=dict, help_text="How to read it: `loading.asked.Asked`.")
    replaces = models.UUIDField(null=True, help_text="The dataset whose new version it is.")
    file_name = models.TextField()
    file_bytes = models.BigIntegerField()
    staged = models.CharField(max_length=32, default="", blank=True, help_text="Held as; or gone.")

    bytes_done = models.BigIntegerField(default=0)
    rows_done = models.BigIntegerField(default=0)
    rows_total = models.BigIntegerField(default=0, help_text="0 while nobody knows.")
    suggestion = models.TextField(default="", blank=True, help_text="For the option of the error.")

    class Meta:
        ordering = ["-created_at"]
        constraints = [
            models.UniqueConstraint(fields=["owner", "key"], name="datasets_submission_once"),
            models.UniqueConstraint(
                fields=["owner"],
                condition=models.Q(state="running"),
                name="datasets_submission_one_running",
            ),
        ]
        indexes = [
            models.Index(fields=["owner", "-created_at"], name="datasets_submission_owner"),
            models.Index(fields=["state", "created_at"], name="datasets_submission_state"),
            models.Index(fields=["staged"], name="datasets_submission_staged"),
        ]

    def __str__(self) -> str:
        return self.title


class Worker(models.Model):
    """A process that takes loads from the queue, and when it was last seen alive."""

    name = models.CharField(max_length=64, primary_key=True)
    started_at = models.DateTimeField(auto_now_add=True)
    seen_at = models.DateTimeField()
    reaped_at = models.DateTimeField(null=True, help_text="When it last cleared up.")

    def __str__(self) -> str:
        return self.name
