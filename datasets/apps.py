"""The datasets app: tables of data, their owners, loading and reading them."""

from django.apps import AppConfig
from django.conf import settings
from django.contrib.auth.signals import user_logged_out
from django.db.models.signals import post_migrate, pre_migrate, pre_save


class DatasetsConfig(AppConfig):
    """Register the checks of the data schema and close Django's tables after each migrate.

    And say how many files are converted at once, to modules that know no settings, and to accounts
    what is held of them.
    """

    name = "datasets"

    def ready(self) -> None:
        """Connect the receivers; the two of migrate once, as Django sends those for each app."""
        from accounts import holdings
        from datasets import checks, privileges, rpc
        from datasets.holding import Datasets
        from datasets.ingest.slots import set_places
        from datasets.loading.scrubbed import forget_words

        set_places(
            count=settings.FAIRDB_MAX_CONVERSIONS, installation=str(settings.FAIRDB_LOCAL_DIR)
        )
        pre_migrate.connect(checks.refuse_another_schema, sender=self)
        post_migrate.connect(privileges.close_django_tables, sender=self)
        holdings.register(Datasets())
        pre_save.connect(forget_words, sender="django_tasks_database.DBTaskResult")
        user_logged_out.connect(rpc.forget_tables_at_sign_out)
