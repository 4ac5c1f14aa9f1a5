"""The forms of the doors and of one's own account."""

from __future__ import annotations

from typing import Any

from django import forms
from django.conf import settings

from accounts.policy import require_plain_address
from fairdb_site.errors import Refused


class SignInForm(forms.Form):
    """E-mail and password; whether they fit is Supabase's to say."""

    email = forms.EmailField(
        label="E-mail address",
        widget=forms.EmailInput(attrs={"autocomplete": "username", "autofocus": True}),
    )
    password = forms.CharField(
        label="Password",
        strip=False,
        max_length=1000,
        widget=forms.PasswordInput(attrs={"autocomplete": "current-password"}),
    )


class NewAddressField(forms.EmailField):
    """An e-mail address for a new account; one that cannot have one is told what to do."""

    def clean(self, value: Any) -> Any:
        """Return the address as it was typed, without spaces around it."""
        try:
            require_plain_address(str(value or "").strip())
        except Refused as error:
            raise forms.ValidationError(error.message) from None
        return super().clean(value)


class NewPasswordForm(forms.Form):
    """A new password, typed twice; whether it is strong the service says, as everywhere."""

    password = forms.CharField(
        label="Password",
        strip=False,
        help_text=f"At least {settings.SHORTEST_PASSWORD} characters. "
        "A few words in a row do well.",
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
    )
    password_again = forms.CharField(
        label="The same password again",
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
    )

    def clean(self) -> dict[str, Any]:
        """Compare the two passwords."""
        cleaned = super().clean() or {}
        first, again = cleaned.get("password"), cleaned.get("password_again")
        if first and again and first != again:
            self.add_error("password_again", "The two passwords differ.")
        return cleaned


class RegistrationForm(NewPasswordForm):
    """E-mail and a password."""

    email = NewAddressField(
        label="E-mail address",
        max_length=254,
        widget=forms.EmailInput(attrs={"autocomplete": "username", "autofocus": True}),
    )
    field_order = ("email", "password", "password_again")


class AddressForm(forms.Form):
    """An e-mail address to which something is sent, if it has an account."""

    email = forms.EmailField(
        label="E-mail address",
        max_length=254,
        widget=forms.EmailInput(attrs={"autocomplete": "username"}),
    )


class ConfirmForm(forms.Form):
    """The password that an account was registered with, if it is known to who confirms it."""

    password = forms.CharField(
        label="The password you registered with",
        help_text="You did not register yourself, or forgot it? Leave this empty, and choose one.",
        required=False,
        max_length=1000,
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "current-password"}),
    )


class OwnPasswordForm(forms.Form):
    """One's password, asked for once more."""

    old = forms.CharField(
        label="Your password",
        strip=False,
        max_length=1000,
        widget=forms.PasswordInput(attrs={"autocomplete": "current-password"}),
    )


class ChangePasswordForm(OwnPasswordForm, NewPasswordForm):
    """The old password and a new one."""

    field_order = ("old", "password", "password_again")

    def __init__(self, *args: Any, by_link: bool, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["password"].label = "New password"
        self.fields["password_again"].label = "The new password again"
        if by_link:  # they proved by their mail who they are
            del self.fields["old"]


class CodeForm(forms.Form):
    """The code that an authenticator app shows."""

    code = forms.CharField(
        label="Code of your authenticator app",
        max_length=20,  # people type it in groups
        widget=forms.TextInput(
            attrs={
                "autocomplete": "one-time-code",
                "inputmode": "numeric",
                "autofocus": True,
                "class": "code",
            }
        ),
    )
