"""The admin as an installed app, with our site in the place of Django's."""

from django.contrib import admin
from django.contrib.admin.apps import AdminConfig


class StaffAdminConfig(AdminConfig):
    """Find the pages of all apps; Django's groups and its queue of tasks are none of them.

    Groups mean nothing here, and what the queue holds is shown as loads.
    """

    default_site = "accounts.staff.site.StaffSite"

    def ready(self) -> None:
        """Take in what apps register, and take out what others' apps register."""
        super().ready()
        from django.contrib.auth.models import Group
        from django_tasks_db.models import DBTaskResult

        admin.site.unregister([Group, DBTaskResult])
