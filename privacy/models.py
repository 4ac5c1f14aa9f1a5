"""Kept reports and codes as Django reads them; `privacy/sql/` makes their tables."""

from django.db import models

from datasets.models import Dataset
from datasets.sql.operation import qualified


class PrivacyReport(models.Model):
    """The figures of a dataset as it was, with the roles and thresholds they were made by."""

    id = models.UUIDField(primary_key=True)
    dataset = models.ForeignKey(Dataset, on_delete=models.DO_NOTHING, related_name="+")
    user_id = models.UUIDField()
    at = models.DateTimeField()
    content_state = models.TextField(help_text="Of which rows and columns it is.")
    roles = models.JSONField(help_text="Column, by role.")
    thresholds = models.JSONField()
    figures = models.JSONField()

    class Meta:
        managed = False
        db_table = qualified("privacy_reports")
        ordering = ["-at"]

    def __str__(self) -> str:
        return f"report of {self.at:%Y-%m-%d %H:%M}"


class PrivacyCodes(models.Model):
    """Which rows of a column agree, sealed; made of rows, so as secret as they are."""

    pk = models.CompositePrimaryKey("dataset_id", "position")
    dataset_id = models.UUIDField()
    position = models.IntegerField()
    content_state = models.TextField()
    sealed_key = models.BinaryField(help_text="Sealed under FAIRDB_TOKEN_KEYS.")
    sealed = models.BinaryField()

    class Meta:
        managed = False
        db_table = qualified("privacy_codes")

    def __str__(self) -> str:
        return f"codes of column {self.position}"


class PrivacyPopulationCodes(models.Model):
    """A population's rows in the numbers of a column's codes, sealed likewise."""

    pk = models.CompositePrimaryKey("dataset_id", "position")
    dataset_id = models.UUIDField()
    position = models.IntegerField()
    population_id = models.UUIDField()
    content_state = models.TextField(help_text="Of the dataset, then of the population.")
    sealed_key = models.BinaryField(help_text="Sealed under FAIRDB_TOKEN_KEYS.")
    sealed = models.BinaryField()

    class Meta:
        managed = False
        db_table = qualified("privacy_population_codes")

    def __str__(self) -> str:
        return f"population's codes of column {self.position}"
