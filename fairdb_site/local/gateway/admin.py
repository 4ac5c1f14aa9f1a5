"""What the service role does with everybody's accounts; who calls is checked at the door."""

from starlette.responses import JSONResponse, Response

from fairdb_site.local.gateway import factors
from fairdb_site.local.gateway.calls import Call, Refusal, auth_error, read_email
from fairdb_site.local.gateway.database import Cursor
from fairdb_site.local.gateway.mails import send_link
from fairdb_site.local.gateway.sessions import bearer_claims
from fairdb_site.local.gateway.users import (
    PROPERTIES,
    add_user,
    change_user,
    find_user,
    find_users,
    get_user,
)

_PER_PAGE = "50"  # GoTrue's default


def require_service_role(call: Call) -> None:
    """Refuse everybody else."""
    if bearer_claims(call)["role"] != "service_role":
        raise auth_error(403, "not_admin", "User not allowed")


def create_user(call: Call, cursor: Cursor) -> Response:
    """Make an account."""
    fields = call.fields(email=str, **PROPERTIES)
    user = add_user(cursor, read_email(fields.pop("email")), **fields)
    if user is None:
        raise _email_exists()
    return JSONResponse(user.shown)


def invite(call: Call, cursor: Cursor) -> Response:
    """Mail somebody a link that opens an account; one who was invited before gets another."""
    fields = call.fields(email=str, data=dict)
    email = read_email(fields["email"])
    user = add_user(cursor, email, user_metadata=fields["data"]) or find_user(cursor, email)
    if user is None or user.confirmed:
        raise _email_exists()
    # Somebody may have signed up with an address that is not theirs: where GoTrue keeps
    # the password they chose, here it is none of the account that the invited person opens.
    cursor.execute(
        "update auth.users set invited_at = now(), encrypted_password = null where id = %s",
        (user.id,),
    )
    send_link(call, cursor, user, "invite")
    return JSONResponse(get_user(cursor, user.id).shown)


def list_users(call: Call, cursor: Cursor) -> Response:
    """List accounts, newest first, a page at a time."""
    query = call.request.query_params
    # texts, which PostgreSQL refuses where they are no numbers of use
    size, page = query.get("per_page") or _PER_PAGE, query.get("page") or "1"
    window = "order by u.created_at desc, u.id limit %s offset (%s::bigint - 1) * %s::bigint"
    users = [user.shown for user in find_users(cursor, window, size, page, size)]
    return JSONResponse({"users": users, "aud": "authenticated"})


def show_user(call: Call, cursor: Cursor) -> Response:
    """Show one account."""
    return JSONResponse(get_user(cursor, call.request.path_params["user_id"]).shown)


def update_user(call: Call, cursor: Cursor) -> Response:
    """Change an account."""
    user_id = call.request.path_params["user_id"]
    return JSONResponse(change_user(cursor, user_id, **call.fields(**PROPERTIES)).shown)


def delete_user(call: Call, cursor: Cursor) -> Response:
    """Delete an account with all that hangs on it."""
    if call.fields(should_soft_delete=bool)["should_soft_delete"]:
        raise auth_error(501, "not_implemented", "Accounts are deleted wholly here")
    user = get_user(cursor, call.request.path_params["user_id"])
    cursor.execute("delete from auth.users where id = %s", (user.id,))
    return JSONResponse({})


def list_factors(call: Call, cursor: Cursor) -> Response:
    """List an account's second factors, proven or not."""
    return JSONResponse(get_user(cursor, call.request.path_params["user_id"]).factors)


def remove_factor(call: Call, cursor: Cursor) -> Response:
    """Remove one of an account's second factors."""
    user = get_user(cursor, call.request.path_params["user_id"])
    factor = factors.owned_factor(call, user)
    factors.remove_factor(cursor, factor["id"])
    return JSONResponse(factor)


def _email_exists() -> Refusal:
    message = "A user with this email address has already been registered"
    return auth_error(422, "email_exists", message)
