"""The datasets app: tables of data, their owners, loading and reading them."""

from django.apps import AppConfig
from django.db.models.signals import post_migrate, pre_migrate


class DatasetsConfig(AppConfig):
    """Register the checks of the data schema and close Django's tables after each migrate."""

    name = "datasets"

    def ready(self) -> None:
        """Connect once for the whole site: Django sends both signals once an app."""
        from datasets import checks, privileges

        pre_migrate.connect(checks.refuse_another_schema, sender=self)
        post_migrate.connect(privileges.close_django_tables, sender=self)
