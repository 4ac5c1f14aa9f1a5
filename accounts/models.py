"""People as Supabase knows them, and their Supabase sessions kept encrypted on the server."""

from __future__ import annotations

import secrets
import uuid
from typing import ClassVar

from django.contrib.auth.models import AbstractBaseUser, BaseUserManager
from django.db import models
from django.db.models.functions import Lower
from django.utils import timezone
from django.utils.crypto import salted_hmac

from accounts.sign_in import SignIn

AAL1, AAL2 = "aal1", "aal2"


def new_session_salt() -> str:
    """Return 256 random bits; Django sessions made under another salt are dead."""
    return secrets.token_hex(32)


class UserManager(BaseUserManager["User"]):
    """Looks people up by e-mail without regard to case; nobody is created here but by mirroring."""

    def get_by_natural_key(self, username: str | None) -> User:
        """Return the person with this e-mail, in whatever case it was typed."""
        return self.get(email=(username or "").strip().lower())


class User(AbstractBaseUser):
    """A person: the mirror of one Supabase user, whose id it shares.

    There is no local password. The staff flag mirrors Supabase's `app_metadata`, which only the
    service role writes. What staff may do with a model is decided by that model's `ModelAdmin`, so
    there is no second system of groups and permissions beside it.
    """

    # Supabase owns the password; taking the inherited column away keeps it out of our tables.
    password = None  # type: ignore[assignment]

    id = models.UUIDField(primary_key=True, editable=False)
    email = models.EmailField("e-mail", unique=True)
    is_staff = models.BooleanField("staff", default=False)
    is_active = models.BooleanField("active", default=True)
    has_second_factor = models.BooleanField("second factor", default=False)
    session_salt = models.CharField(max_length=64, default=new_session_salt, editable=False)
    banned_until = models.DateTimeField(null=True, editable=False)
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    objects: ClassVar[UserManager] = UserManager()

    # Set on the instance by the backend when somebody has just signed in, never stored.
    backend: str
    sign_in: SignIn

    EMAIL_FIELD = "email"
    USERNAME_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = []

    class Meta:
        ordering = ["email"]
        constraints = [
            # With `unique`, this makes e-mails unique whatever their case.
            models.CheckConstraint(
                condition=models.Q(email=Lower("email")), name="accounts_user_email_is_lower_case"
            ),
        ]

    def __str__(self) -> str:
        return self.email

    def clean(self) -> None:
        """Bring the e-mail into its one written form."""
        self.email = self.email.strip().lower()

    def has_usable_password(self) -> bool:
        """Return False: passwords are Supabase's, and Django's own forms must not change them."""
        return False

    def check_password(self, raw_password: str | None) -> bool:
        """Return False: only Supabase can check a password."""
        return False

    def _get_session_auth_hash(self, secret: str | bytes | None = None) -> str:
        # Django hashes the password here; a new salt ends this person's sessions just the same.
        return salted_hmac(
            "accounts.User.session_salt", self.session_salt, secret=secret, algorithm="sha256"
        ).hexdigest()

    def has_perm(self, perm: str, obj: object = None) -> bool:
        """Return whether the admin lets this person in; each `ModelAdmin` narrows it further."""
        return self.is_active and self.is_staff

    def has_module_perms(self, app_label: str) -> bool:
        """Return whether the admin shows this person an app."""
        return self.is_active and self.is_staff


class SupabaseSession(models.Model):
    """One sign-in at Supabase: its access and refresh token, encrypted, in a row of its own.

    The Django session holds this row's id only. Tokens kept in session data would be lost or
    turned back whenever a slow request saved the session after another one had refreshed them.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="supabase_sessions")
    # The `session_id` claim: by it Supabase and we speak of the same session.
    supabase_id = models.UUIDField(null=True, editable=False)
    # The `aal` claim: aal2 once a second factor was given (NIST SP 800-63B, 4).
    assurance = models.CharField(max_length=4, default=AAL1, editable=False)
    address = models.GenericIPAddressField(null=True, editable=False)
    device = models.CharField(max_length=200, default="", editable=False)
    sealed_tokens = models.BinaryField(editable=False)
    expires_at = models.DateTimeField("access token expires at")
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    refreshed_at = models.DateTimeField(default=timezone.now, editable=False)
    # When Supabase last failed to answer a refresh; others then wait a little before asking again.
    refresh_failed_at = models.DateTimeField(null=True, editable=False)
    seen_at = models.DateTimeField(default=timezone.now, editable=False)
    # When Supabase was last asked whether the account is still in good standing.
    checked_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        ordering = ["-created_at"]
        indexes = [models.Index(fields=["seen_at"], name="accounts_session_seen")]

    def __str__(self) -> str:
        return f"session of {self.user_id} since {self.created_at:%Y-%m-%d %H:%M}"


class AccountDeletion(models.Model):
    """An account on its way out: nobody signs in to it, and the reaper finishes what is left.

    The row goes last; the account's id stays in the audit trail alone.
    """

    account = models.UUIDField(primary_key=True, editable=False)
    asked_at = models.DateTimeField(default=timezone.now, editable=False)
    asked_by = models.UUIDField(null=True, editable=False)  # None is an operator's command

    class Meta:
        ordering = ["asked_at"]

    def __str__(self) -> str:
        return f"deletion of {self.account}, asked for {self.asked_at:%Y-%m-%d %H:%M}"


class AuditOrigin(models.Model):
    """Where somebody was seen: an address and a browser, by account; dropped with the account."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    account = models.UUIDField(null=True, editable=False)
    address = models.GenericIPAddressField(null=True, editable=False)
    device = models.CharField(max_length=200, editable=False)
    since = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        indexes = [models.Index(fields=["account", "address"], name="accounts_origin_account")]

    def __str__(self) -> str:
        return f"{self.address or 'no address'}, {self.device or 'no browser'}"


class AuditAction(models.TextChoices):
    """What was done."""

    ACCOUNT_CREATED = "account created"
    ACCOUNT_INVITED = "account invited"
    REGISTERED = "registered"
    ADDRESS_CONFIRMED = "address confirmed"
    SIGNED_IN = "signed in"
    SECOND_FACTOR_GIVEN = "second factor given"
    SIGNED_OUT = "signed out"
    SESSIONS_ENDED = "sessions ended"
    RESET_ASKED = "password reset asked"
    PASSWORD_CHANGED = "password changed"  # noqa: S105  what was done, no password
    SECOND_FACTOR_ADDED = "second factor added"
    SECOND_FACTOR_REMOVED = "second factor removed"
    ACCOUNT_BANNED = "account banned"
    ACCOUNT_UNBANNED = "account unbanned"
    STAFF_GRANTED = "staff granted"
    STAFF_REVOKED = "staff revoked"
    ACCOUNT_DOWNLOADED = "account downloaded"
    ACCOUNT_DELETED = "account deleted"
    DATASET_LOADED = "dataset loaded"
    DATASET_CORRECTED = "dataset corrected"
    DATASET_JOINED = "dataset joined"
    DATASET_DESCRIBED = "dataset described"
    DATASET_DELETED = "dataset deleted"
    ROWS_READ = "rows read"
    DATASET_EXPORTED = "dataset exported"
    IDS_LINKED = "ids linked"
    BACKUP_MADE = "backup made"
    TOKEN_KEY_CHANGED = "token key changed"  # noqa: S105  what was done, no key
    SIGNING_KEY_CHANGED = "signing key changed"
    LOADS_REAPED = "loads reaped"


class AuditOutcome(models.TextChoices):
    """How it ended."""

    DONE = "done"
    REFUSED = "refused"
    FAILED = "failed"


def audit_actions() -> list[tuple[str, str]]:
    """Return the actions as choices; a function, so that a new one needs no migration."""
    return AuditAction.choices


def audit_outcomes() -> list[tuple[str, str]]:
    """Return the outcomes as choices."""
    return AuditOutcome.choices


class AuditEvent(models.Model):
    """Something that was done, or tried; `accounts.audit` writes it, and a trigger keeps it so.

    Accounts and datasets are named by their ids and not referred to: an event outlives them.
    """

    id = models.BigAutoField(primary_key=True)
    at = models.DateTimeField(default=timezone.now, editable=False)
    action = models.CharField(max_length=32, choices=audit_actions, editable=False)
    outcome = models.CharField(max_length=16, choices=audit_outcomes, editable=False)
    actor = models.UUIDField(null=True, editable=False)
    subject = models.UUIDField(null=True, editable=False)
    dataset = models.UUIDField(null=True, editable=False)
    origin = models.UUIDField(null=True, editable=False)
    request_id = models.CharField(max_length=32, editable=False)
    once = models.CharField(max_length=100, null=True, unique=True, editable=False)  # noqa: DJ001

    class Meta:
        ordering = ["-id"]
        indexes = [
            models.Index(fields=["actor", "-id"], name="accounts_audit_actor"),
            models.Index(fields=["subject", "-id"], name="accounts_audit_subject"),
            models.Index(fields=["dataset", "-id"], name="accounts_audit_dataset"),
            models.Index(fields=["at"], name="accounts_audit_at"),
        ]

    def __str__(self) -> str:
        return f"{self.action} ({self.outcome}), {self.at:%Y-%m-%d %H:%M}"


class RateLimit(models.Model):
    """Until when a key's tries are spent; `accounts.limits` counts, and removes what is over."""

    key = models.UUIDField(primary_key=True, editable=False)
    spent_until = models.DateTimeField(editable=False)

    class Meta:
        indexes = [models.Index(fields=["spent_until"], name="accounts_limit_spent_until")]

    def __str__(self) -> str:
        return f"spent until {self.spent_until:%Y-%m-%d %H:%M}"
