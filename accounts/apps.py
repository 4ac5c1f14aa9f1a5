"""The accounts app: Supabase sign-in behind Django's authentication."""

from django.apps import AppConfig


class AccountsConfig(AppConfig):
    """People, their Supabase sessions, and the pages by which they come and go."""

    name = "accounts"
    verbose_name = "Accounts"
    default_auto_field = "django.db.models.BigAutoField"
