"""Errors that a user can act on: a plain sentence, the HTTP status it maps to, and what to do."""


class FairdbError(Exception):
    """Base of all errors shown to people; `str(error)` is the sentence they read.

    The message names the row, column or setting concerned and what to do about it. It never holds
    a cell value, an id, a token, SQL or a path of the server.

    `option` names the option of the service that would mend it, as the service's own argument: a
    command says its flag, a page the field's label.
    """

    status = 400
    code = "refused"

    def __init__(self, message: str, *, option: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.option = option


class Refused(FairdbError):
    """The input cannot be taken as it is (400)."""


class NotFound(FairdbError):
    """The object does not exist, or belongs to someone else: the same answer for both (404)."""

    status = 404
    code = "not_found"


class SignInRequired(FairdbError):
    """No session, or one that has ended (401)."""

    status = 401
    code = "sign_in_required"


class Forbidden(FairdbError):
    """Signed in, but not allowed to do this (403)."""

    status = 403
    code = "forbidden"


class Conflict(FairdbError):
    """Someone or something else got there first (409)."""

    status = 409
    code = "conflict"


class TooLarge(FairdbError):
    """Over a limit of size (413)."""

    status = 413
    code = "too_large"


class Unavailable(FairdbError):
    """A service the platform stands on does not answer or is too slow; try again later (503)."""

    status = 503
    code = "unavailable"
