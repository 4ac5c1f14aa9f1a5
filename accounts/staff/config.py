"""The admin as an installed app, with our site in the place of Django's."""

from django.contrib import admin
from django.contrib.admin.apps import AdminConfig


class StaffAdminConfig(AdminConfig):
    """Find the pages of all apps; Django's groups are none of them, as they mean nothing here."""

    default_site = "accounts.staff.site.StaffSite"

    def ready(self) -> None:
        """Take in what apps register, and take out what Django's own app registers."""
        super().ready()
        from django.contrib.auth.models import Group

        admin.site.unregister(Group)
