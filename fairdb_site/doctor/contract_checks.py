"""Checks of the contract that the migrations laid: functions, parts, policies, grants, key.

As `database_checks`, once there is a data schema.
"""

from collections.abc import Iterator

from django.conf import settings
from django.db.backends.utils import CursorWrapper

from datasets.models import Dataset, MetadataTable
from fairdb_site.doctor.database_checks import MIGRATE, DatabaseCheck
from fairdb_site.doctor.finding import Finding, names

REGISTERED_FUNCTIONS = (
    "accounts_event_once",
    "count_dataset_rows",
    "create_data_table",
    "delete_dataset_rows",
    "delete_privacy_report",
    "describe_columns",
    "describe_dataset",
    "drop_data_table",
    "get_all_tables",
    "get_changes",
    "get_column_profile",
    "get_columns_at",
    "get_dataset",
    "get_dataset_columns",
    "get_dataset_outline",
    "get_join_report",
    "get_overview",
    "get_privacy_report",
    "get_table_columns",
    "index_dataset_column",
    "insert_metadata",
    "keep_privacy_report",
    "list_datasets",
    "list_privacy_reports",
    "list_versions",
    "search_columns",
    "search_datasets",
    "search_tables_by_column",
    "select_dataset_rows",
    "select_from_table",
    "set_privacy_roles",
    "set_privacy_thresholds",
    "table_exists",
    "undo_change",
    "update_dataset_row",
    "update_table_row",
)


def _schema() -> str:
    return f'"{settings.FAIRDB_DATA_SCHEMA}"'


def examine_functions(cursor: CursorWrapper) -> Iterator[Finding]:
    """Every function is there, ours, with a pinned search_path, and closed to whom it must be."""
    cursor.execute(
        "select p.oid::regprocedure::text, p.proname, n.nspname, p.prosecdef,"
        " p.proowner = current_user::regrole, p.proowner::regrole::text,"
        " coalesce('search_path=\"\"' = any (p.proconfig), false),"
        " has_function_privilege('anon', p.oid, 'execute'),"
        " has_function_privilege('authenticated', p.oid, 'execute')"
        " from pg_proc p join pg_namespace n on n.oid = p.pronamespace"
        " where n.nspname in ('public', %s) and not exists ("
        "   select from pg_depend d where d.objid = p.oid and d.deptype = 'e')",
        [settings.FAIRDB_DATA_SCHEMA],
    )
    found = cursor.fetchall()
    missing = set(REGISTERED_FUNCTIONS) - {row[1] for row in found if row[2] == "public"}
    if missing:
        yield Finding("functions", f"Missing in public: {names(list(missing))}.", MIGRATE)
    for signature, name, schema, definer, owned, owner, pinned, anon, user in found:
        ours = schema != "public" or name in REGISTERED_FUNCTIONS
        tells_who_asks = schema != "public" and name == "require_caller"
        if definer and (anon or (user and not tells_who_asks)):
            yield Finding(
                "functions",
                f"{signature} runs with its owner's rights and anybody may call it.",
                f"revoke execute on function {signature} from public, anon, authenticated",
            )
        if not ours:
            continue
        if anon:
            yield Finding(
                "functions",
                f"{signature} may be called without signing in.",
                f"revoke execute on function {signature} from public, anon",
            )
        if not owned:
            yield Finding(
                "functions",
                f"{signature} belongs to {owner}, not to the role of DATABASE_URL.",
                f"alter function {signature} owner to that role, as a superuser",
            )
        if not pinned:
            yield Finding(
                "functions",
                f"{signature} looks names up along the caller's search_path.",
                f"alter function {signature} set search_path = ''",
            )


def examine_parts(cursor: CursorWrapper) -> Iterator[Finding]:
    """Row level security is on everywhere, and forced where a dataset is ready."""
    schema = settings.FAIRDB_DATA_SCHEMA
    cursor.execute(
        "select relname from pg_class where relnamespace = %s::regnamespace"
        " and relkind in ('r', 'p') and not relrowsecurity",
        [_schema()],
    )
    if unprotected := [row[0] for row in cursor.fetchall()]:
        yield Finding(
            "row level security",
            f"It is off on {names(unprotected)} in {schema}.",
            f'alter table "{schema}".<table> enable row level security',
        )
    ready = Dataset.objects.filter(state=Dataset.State.READY).values_list("parts", flat=True)
    cursor.execute(
        "select part, c.oid is null from unnest(%s::text[]) part"
        " left join pg_class c on c.relname = part and c.relnamespace = %s::regnamespace"
        " where c.oid is null or not c.relforcerowsecurity",
        [[part for parts in ready for part in parts], _schema()],
    )
    rows = cursor.fetchall()
    if missing := [part for part, gone in rows if gone]:
        yield Finding(
            "parts",
            f"Ready datasets lack their tables {names(missing)}.",
            "Restore them from a backup, or delete the datasets.",
        )
    if unforced := [part for part, gone in rows if not gone]:
        yield Finding(
            "row level security",
            f"It does not bind the owner of {names(unforced)}, which are in use.",
            f'alter table "{schema}".<table> force row level security',
        )


def examine_history(cursor: CursorWrapper) -> Iterator[Finding]:
    """Corrections of every ready dataset are kept."""
    schema = settings.FAIRDB_DATA_SCHEMA
    ready = Dataset.objects.filter(state=Dataset.State.READY).values_list("parts", flat=True)
    cursor.execute(
        "select c.relname from pg_class c"
        " where c.relname = any (%s) and c.relnamespace = %s::regnamespace and not exists ("
        "   select from pg_trigger t"
        "    where t.tgrelid = c.oid and t.tgname = 'keep_change' and t.tgenabled in ('O', 'A'))",
        [[part for parts in ready for part in parts], _schema()],
    )
    if unkept := [row[0] for row in cursor.fetchall()]:
        yield Finding(
            "history",
            f"What is corrected in {names(unkept)} is not kept: the trigger keep_change is off or "
            "gone.",
            f'alter table "{schema}".<table> enable trigger keep_change; where it is gone: create '
            f'trigger keep_change after insert or update or delete on "{schema}".<table> for each '
            f'row execute function "{schema}".keep_change()',
        )


def examine_policies(cursor: CursorWrapper) -> Iterator[Finding]:
    """Every policy is for signed-in users and asks whose row it is."""
    cursor.execute(
        "select c.relname, p.polname from pg_policy p join pg_class c on c.oid = p.polrelid"
        " where c.relnamespace = %s::regnamespace"
        " and (p.polroles <> array['authenticated'::regrole::oid]"
        "      or p.polcmd not in ('r', 'w', '*')"
        "      or exists (select from unnest(array[pg_get_expr(p.polqual, p.polrelid),"
        "                                          pg_get_expr(p.polwithcheck, p.polrelid)]) e"
        "                 where position("
        "                     'SELECT ' || quote_ident(%s) || '.require_caller()' in e) = 0"
        "                    or e like '%% OR %%'))",
        [_schema(), settings.FAIRDB_DATA_SCHEMA],
    )
    for table, policy in cursor.fetchall():
        yield Finding(
            "policies",
            f"Policy {policy} of {table} lets in more than the rows' owner.",
            f'drop policy "{policy}" on "{settings.FAIRDB_DATA_SCHEMA}"."{table}"',
        )


def examine_grants(cursor: CursorWrapper) -> Iterator[Finding]:
    """Nobody but signed-in users has a right in the data schema, and they on ready parts only."""
    schema = settings.FAIRDB_DATA_SCHEMA
    cursor.execute(
        "with granted as ("
        "   select c.relname as object, a.grantee from pg_class c, aclexplode(c.relacl) a"
        "    where c.relnamespace = %(schema)s::regnamespace"
        "   union all"
        "   select c.relname, a.grantee from pg_class c join pg_attribute t on t.attrelid = c.oid,"
        "          aclexplode(t.attacl) a where c.relnamespace = %(schema)s::regnamespace"
        "   union all"
        "   select 'the schema itself', a.grantee from pg_namespace n, aclexplode(n.nspacl) a"
        "    where n.oid = %(schema)s::regnamespace)"
        " select distinct object, case grantee when 0 then 'public'"
        " else grantee::regrole::text end from granted"
        " where grantee = 0 or grantee in"
        "   (select oid from pg_roles where rolname in ('anon', 'service_role'))",
        {"schema": _schema()},
    )
    for granted_object, role in cursor.fetchall():
        yield Finding(
            "grants",
            f"{role} has rights on {granted_object} in {schema}.",
            f'revoke all on "{schema}"."{granted_object}" from {role}'
            if granted_object != "the schema itself"
            else f'revoke all on schema "{schema}" from {role}',
        )
    unready = MetadataTable.objects.exclude(
        dataset__state__in=[Dataset.State.READY, Dataset.State.DELETING]
    )
    cursor.execute(
        "select c.relname from pg_class c where c.relnamespace = %s::regnamespace"
        " and c.relname = any (%s) and has_table_privilege('authenticated', c.oid, 'select')",
        [_schema(), list(unready.values_list("table_name", flat=True))],
    )
    if opened := [row[0] for row in cursor.fetchall()]:
        yield Finding(
            "grants",
            f"Users may read {names(opened)}, which no ready dataset has.",
            "Run `manage.py reap_uploads`.",
        )


def examine_pseudonym_key(cursor: CursorWrapper) -> Iterator[Finding]:
    """The key that makes pseudonyms is the one that made those already stored."""
    from datasets.ingest.pseudonyms import key_fingerprint

    others = (
        Dataset.objects.filter(state=Dataset.State.READY, key_fingerprint__isnull=False)
        .exclude(key_fingerprint=key_fingerprint(settings.FAIRDB_PSEUDONYM_KEY))
        .count()
    )
    if others:
        yield Finding(
            "pseudonym key",
            f"FAIRDB_PSEUDONYM_KEY is not the key of {others} stored datasets.",
            "Put the key back that they were loaded with: under another one the same id gets "
            "another pseudonym.",
        )


def examine_audit(cursor: CursorWrapper) -> Iterator[Finding]:
    """The trigger that keeps audit events as they were written is there and on."""
    cursor.execute(
        "select tgenabled in ('O', 'A') from pg_trigger"
        " where tgrelid = to_regclass('public.accounts_auditevent') and tgname = 'append_only'"
    )
    found = cursor.fetchone()
    if found is None:
        yield Finding(
            "audit trail",
            "Events can be changed and dropped: the trigger append_only is gone.",
            "Find out who dropped it; then manage.py migrate accounts 0001 drops the trail, and "
            "manage.py migrate lays a new one: copy it with manage.py audit_log --json first.",
        )
    elif not found[0]:
        yield Finding(
            "audit trail",
            "Events can be changed and dropped: the trigger append_only is off.",
            "Find out who turned it off; then alter table public.accounts_auditevent enable "
            "trigger append_only",
        )


def examine_token_keys(cursor: CursorWrapper) -> Iterator[Finding]:
    """No key of before opens what is sealed: a change of keys was finished."""
    if len(settings.FAIRDB_TOKEN_KEYS) > 1:
        yield Finding(
            "token keys",
            "FAIRDB_TOKEN_KEYS holds more than the key that seals: the others still open tokens.",
            "Run `manage.py rotate_token_key`, then do as it says.",
        )


CONTRACT_CHECKS: tuple[DatabaseCheck, ...] = (
    examine_functions,
    examine_parts,
    examine_policies,
    examine_grants,
    examine_history,
    examine_pseudonym_key,
    examine_audit,
    examine_token_keys,
)
