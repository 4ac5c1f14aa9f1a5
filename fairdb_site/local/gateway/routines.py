"""Functions of the exposed schemas: found by name, chosen by the arguments given."""

import difflib
from collections.abc import Sequence, Set
from dataclasses import dataclass
from typing import Any

from psycopg2.extras import RealDictCursor

from fairdb_site.local.gateway.messages import rest_error

# settings of a function that must hold before it is entered (PostgREST: db-hoisted-tx-settings)
_HOISTED = ("statement_timeout", "plan_filter.statement_cost_limit")
_ISOLATION = "default_transaction_isolation"

# Looked up anew for every call, so that there is no cache to go stale. Types are spelled with
# their schema: what they mean must not hang on search_path.
_FIND = """
select
  p.provolatile::text as volatility,
  p.proretset as returns_set,
  p.prorettype = 'pg_catalog.void'::regtype as returns_nothing,
  coalesce(b.typtype = 'c' or b.oid = 'pg_catalog.record'::regtype
    or p.proargmodes::text[] && '{t,b,o}', false) as returns_rows,
  coalesce(p.proconfig, '{}') as settings,
  array(
    select json_build_object(
      'name', a.name,
      'type', quote_ident(n.nspname) || '.' || quote_ident(t.typname),
      'shown', format_type(t.oid, null),
      'required', a.place <= p.pronargs - p.pronargdefaults,
      'variadic', a.mode = 'v')
    from (
      select u.type, coalesce(u.name, '') as name, coalesce(u.mode, 'i') as mode,
        row_number() over (order by u.position) as place
      from unnest(coalesce(p.proallargtypes, p.proargtypes::oid[]), p.proargnames, p.proargmodes)
        with ordinality as u (type, name, mode, position)
      where coalesce(u.mode, 'i') in ('i', 'b', 'v')
    ) a
    join pg_catalog.pg_type t on t.oid = a.type
    join pg_catalog.pg_namespace n on n.oid = t.typnamespace
    order by a.place
  ) as parameters
from pg_catalog.pg_proc p
join pg_catalog.pg_type r on r.oid = p.prorettype
join pg_catalog.pg_type b on b.oid = coalesce(nullif(r.typbasetype, 0), r.oid)
where p.pronamespace = (select oid from pg_catalog.pg_namespace where nspname = %s)
  and p.proname = %s and p.prokind = 'f'
  and p.prorettype not in ('pg_catalog.trigger'::regtype, 'pg_catalog.event_trigger'::regtype)
order by p.oid
"""

# what `alter role ... set` says, for those settings that authenticator may set
_ROLE_SETTINGS = """
select lower(split_part(s, '=', 1)) as name, substr(s, strpos(s, '=') + 1) as value
from pg_catalog.pg_db_role_setting d, unnest(d.setconfig) s
where d.setrole = (select oid from pg_catalog.pg_roles where rolname = %s)
  and d.setdatabase in (
    0, (select oid from pg_catalog.pg_database where datname = current_database()))
  and exists (
    select from pg_catalog.pg_settings g
    where g.name = lower(split_part(s, '=', 1))
      and (g.context = 'user' or has_parameter_privilege(g.name, 'set')))
order by d.setdatabase
"""


@dataclass(frozen=True)
class Parameter:
    """An input parameter of a function; `type` is SQL, `shown` is for people."""

    name: str
    type: str
    shown: str
    required: bool
    variadic: bool


@dataclass(frozen=True)
class Routine:
    """A function that can be called."""

    schema: str
    name: str
    parameters: tuple[Parameter, ...]
    volatility: str
    returns_set: bool
    returns_rows: bool
    returns_nothing: bool
    settings: tuple[tuple[str, str], ...]
    isolation: str | None

    @property
    def takes_whole_body(self) -> bool:
        """Whether its only parameter is unnamed JSON, which then is the body as it came."""
        return (
            len(self.parameters) == 1
            and not self.parameters[0].name
            and self.parameters[0].shown in ("json", "jsonb")
        )

    def takes(self, names: Set[str]) -> bool:
        """Whether it can be called with just these arguments."""
        known = {parameter.name for parameter in self.parameters}
        required = {parameter.name for parameter in self.parameters if parameter.required}
        return "" not in known and required <= names <= known


def find_routines(connection: Any, schema: str, name: str) -> list[Routine]:
    """Return all functions of this name."""
    with connection.cursor(cursor_factory=RealDictCursor) as cursor:
        cursor.execute(_FIND, (schema, name))
        return [_routine(schema, name, row) for row in cursor.fetchall()]


def role_settings(connection: Any, role: str) -> dict[str, str]:
    """Return what `alter role` set for this role, the database's own over the general ones."""
    with connection.cursor() as cursor:
        cursor.execute(_ROLE_SETTINGS, (role,))
        return dict(cursor.fetchall())


def choose(
    routines: Sequence[Routine], schema: str, name: str, given: Set[str], *, posted: bool
) -> Routine:
    """Return the one function that takes these arguments: 404 for none, 300 for several."""
    fitting = [routine for routine in routines if routine.takes(given)]
    if not fitting and posted:
        fitting = [routine for routine in routines if routine.takes_whole_body]
    if len(fitting) == 1:
        return fitting[0]
    if not fitting:
        raise _none_fits(routines, f"{schema}.{name}", sorted(given), posted=posted)
    signatures = ", ".join(
        f"{schema}.{name}({', '.join(f'{p.name} => {p.shown}' for p in routine.parameters)})"
        for routine in fitting
    )
    raise rest_error(
        300,
        "PGRST203",
        f"Could not choose the best candidate function between: {signatures}",
        hint="Try renaming the parameters or the function itself in the database so function "
        "overloading can be resolved",
    )


def _none_fits(
    routines: Sequence[Routine], function: str, given: list[str], *, posted: bool
) -> Exception:
    names = ", ".join(given)
    shown = f"({names})" if given else " without parameters"
    plural = "s" if len(given) > 1 else ""
    searched = f" with parameter{plural} {names}" if given else shown
    if posted:
        searched += " or with a single unnamed json/jsonb parameter"
    signatures = [
        f"({', '.join(sorted(parameter.name for parameter in routine.parameters))})"
        for routine in routines
    ]
    near = difflib.get_close_matches(f"({names})", signatures, n=1, cutoff=0.33)
    return rest_error(
        404,
        "PGRST202",
        f"Could not find the function {function}{shown} in the schema cache",
        f"Searched for the function {function}{searched}, but no matches were found in the "
        "schema cache.",
        hint=f"Perhaps you meant to call the function {function}{near[0]}" if near else None,
    )


def _routine(schema: str, name: str, row: dict[str, Any]) -> Routine:
    settings = dict(setting.split("=", 1) for setting in row.pop("settings"))
    parameters = tuple(Parameter(**parameter) for parameter in row.pop("parameters"))
    return Routine(
        schema=schema,
        name=name,
        parameters=parameters,
        settings=tuple((key, settings[key]) for key in _HOISTED if key in settings),
        isolation=settings.get(_ISOLATION),
        **row,
    )
