"""Functions of the exposed schema: found by name, chosen by the arguments given."""

from collections.abc import Sequence, Set
from dataclasses import dataclass

from fairdb_site.local.gateway.calls import rest_error
from fairdb_site.local.gateway.database import Cursor

SCHEMA = "public"  # hosted, `graphql_public` is exposed too

# Looked up anew for every call, so that there is no cache to go stale. With no search_path,
# types come with their schema: what they mean must not hang on the caller's.
_FIND = """
set local search_path = '';
select
  p.provolatile = 'v' as volatile,
  p.proretset as returns_set,
  p.prorettype = 'void'::regtype as returns_nothing,
  (r.typtype = 'c' or r.oid = 'record'::regtype or p.proargmodes && '{t,b,o}') is true
    as returns_rows,
  coalesce(p.proconfig, '{}') as settings,
  array(
    select json_build_object(
      'name', coalesce(a.name, ''),
      'type', format_type(a.type, -1),
      'required', row_number() over (order by a.position) <= p.pronargs - p.pronargdefaults,
      'variadic', a.mode is not distinct from 'v')
    from unnest(coalesce(p.proallargtypes, p.proargtypes::oid[]), p.proargnames, p.proargmodes)
      with ordinality as a (type, name, mode, position)
    where coalesce(a.mode, 'i') in ('i', 'b', 'v')
    order by a.position
  ) as parameters
from pg_proc p join pg_type r on r.oid = p.prorettype
where p.pronamespace = %s::regnamespace and p.proname = %s and p.prokind = 'f'
  and p.prorettype not in ('trigger'::regtype, 'event_trigger'::regtype)
order by p.oid
"""


@dataclass(frozen=True)
class Parameter:
    """An input parameter of a function."""

    name: str
    type: str
    required: bool
    variadic: bool


@dataclass(frozen=True)
class Routine:
    """A function that can be called, with its own settings."""

    name: str
    parameters: tuple[Parameter, ...]
    volatile: bool
    returns_set: bool
    returns_rows: bool
    returns_nothing: bool
    settings: dict[str, str]

    def takes(self, names: Set[str]) -> bool:
        """Whether it can be called with just these arguments."""
        required = {parameter.name for parameter in self.parameters if parameter.required}
        return required <= names <= {parameter.name for parameter in self.parameters} - {""}


def find_routines(cursor: Cursor, name: str) -> list[Routine]:
    """Return all functions of this name."""
    cursor.execute(_FIND, (SCHEMA, name))
    return [
        Routine(
            name,
            parameters=tuple(Parameter(**parameter) for parameter in row.pop("parameters")),
            settings=dict(setting.split("=", 1) for setting in row.pop("settings")),
            **row,
        )
        for row in cursor.fetchall()
    ]


def choose(routines: Sequence[Routine], name: str, given: Set[str]) -> Routine:
    """Return the one function that takes these arguments: 404 for none, 300 for several."""
    fitting = [routine for routine in routines if routine.takes(given)]
    if len(fitting) == 1:
        return fitting[0]
    function = f"{SCHEMA}.{name}"
    if not fitting:
        shown = f"({', '.join(sorted(given))})" if given else " without parameters"
        message = f"Could not find the function {function}{shown} in the schema cache"
        raise rest_error(404, "PGRST202", message)
    signatures = ", ".join(
        f"{function}({', '.join(f'{p.name} => {p.type}' for p in routine.parameters)})"
        for routine in fitting
    )
    message = f"Could not choose the best candidate function between: {signatures}"
    hint = "Try renaming the parameters or the function itself in the database"
    raise rest_error(300, "PGRST203", message, hint=hint)
