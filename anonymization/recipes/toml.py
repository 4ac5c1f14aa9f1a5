"""Recipes as TOML: read with messages that name what is wrong, written alike where alike.

https://toml.io/en/v1.0.0
"""

import difflib
import tomllib
from collections.abc import Collection, Mapping
from dataclasses import fields
from typing import Any, Final, cast

import tomli_w

from anonymization.engine.problem import Models
from anonymization.recipes.recipe import Column, Mask, Recipe, Search
from fairdb_site.errors import Refused, TooLarge

FORMAT: Final = 1
MOST_BYTES: Final = 20_000_000
"""Of a recipe: a map of a million postcodes fits."""

_KINDS: Final[dict[str, tuple[type, ...]]] = {
    "a text": (str,),
    "a number": (int, float),
    "a whole number": (int,),
    "true or false": (bool,),
    "a list": (list,),
    "a table": (dict,),
}
_MODELS: Final = {
    "k": "a whole number",
    "risk": "a number",
    "average_risk": "a number",
    "l_distinct": "a whole number",
    "l_entropy": "a number",
    "l_recursive": "a table",
    "t": "a number",
    "alpha": "a number",
    "beta": "a number",
    "beta_enhanced": "a number",
    "delta": "a number",
    "per": "a text",
}
_SEARCH: Final = {
    "method": "a text",
    "suppression_limit": "a number",
    "refine": "true or false",
    "seconds": "a number",
}
_COLUMN: Final = {
    "role": "a text",
    "drop": "true or false",
    "missing": "a text",
    "mark": "a text",
    "bottom": "a number",
    "top": "a number",
    "round_to": "a number",
    "mask": "a table",
    "withhold": "a list",
    "hierarchy": "a table",
    "levels": "a list",
    "weight": "a number",
}
_RECIPE: Final = {
    "recipe": "a whole number",
    "title": "a text",
    "seed": "a whole number",
    "models": "a table",
    "search": "a table",
    "columns": "a table",
}


def read_recipe(text: str) -> Recipe:
    """Return the recipe that a TOML says; Refused where it is none, TooLarge beyond MOST_BYTES."""
    if len(text) > MOST_BYTES:
        raise TooLarge(f"A recipe has {MOST_BYTES:,} characters at most.", option="recipe")
    try:
        document = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        why = str(error) if isinstance(error, ValueError) else "nested too deeply"
        raise Refused(f"The recipe is no TOML: {why}.", option="recipe") from None
    _require_known(document, _RECIPE, "the recipe")
    if document.get("recipe") != FORMAT:
        raise Refused(
            f'A recipe says its layout: it begins with the line "recipe = {FORMAT}".',
            option="recipe",
        )
    columns = document.get("columns", {})
    return Recipe(
        models=_models(document.get("models", {})),
        columns=tuple(_column(name, facts) for name, facts in columns.items()),
        search=_search(document.get("search", {})),
        title=document.get("title", ""),
        seed=document.get("seed"),
    )


def write_recipe(recipe: Recipe) -> str:
    """Return a recipe as TOML; what is as it is by default is left out."""
    head: dict[str, Any] = {"recipe": FORMAT}
    if recipe.title:
        head["title"] = recipe.title
    if recipe.seed is not None:
        head["seed"] = recipe.seed
    models = _changed(recipe.models, Models())
    if recipe.models.l_recursive is not None:
        c, least = recipe.models.l_recursive
        models["l_recursive"] = {"c": c, "l": least}
    return tomli_w.dumps(
        head
        | {
            "models": models,
            "search": _changed(recipe.search, Search()) | {"method": recipe.search.method},
            "columns": {column.name: _written(column) for column in recipe.columns},
        }
    )


def _models(facts: Mapping[str, Any]) -> Models:
    _require_known(facts, _MODELS, "[models]")
    found = dict(facts)
    if (recursive := found.get("l_recursive")) is not None:
        _require_known(recursive, {"c": "a number", "l": "a whole number"}, "l_recursive")
        if set(recursive) != {"c", "l"}:
            raise Refused("l_recursive has a c and an l.", option="recipe")
        found["l_recursive"] = (float(recursive["c"]), recursive["l"])
    return Models(**found)


def _search(facts: Mapping[str, Any]) -> Search:
    _require_known(facts, _SEARCH, "[search]")
    return Search(**facts)


def _column(name: str, facts: Any) -> Column:
    where = f"column {name}"
    if not isinstance(facts, dict):
        raise Refused(f"In {where}: write [columns.{name}] and its facts below.", option="recipe")
    _require_known(facts, _COLUMN, where)
    found = dict(facts)
    if "role" in found:
        found["role"] = found["role"].replace("-", "_").replace(" ", "_")
    if "mask" in found:
        whole = dict.fromkeys(("keep_first", "keep_last"), "a whole number")
        _require_known(found["mask"], whole, f"the mask of {where}")
        found["mask"] = Mask(**found["mask"])
    if "withhold" in found:
        found["withhold"] = tuple(str(value) for value in found["withhold"])
    if "levels" in found:
        levels = found["levels"]
        if len(levels) != 2 or any(type(level) is not int for level in levels):  # no bool
            raise Refused(f"In {where}: levels are two whole numbers.", option="recipe")
        found["levels"] = cast("tuple[int, int]", tuple(levels))
    return Column(name, **found)


def _written(column: Column) -> dict[str, Any]:
    facts = _changed(column, Column(column.name), leave_out={"name"})
    if "role" in facts:
        facts["role"] = column.role.replace("_", "-")
    if column.mask is not None:
        facts["mask"] = {
            "keep_first": column.mask.keep_first,
            "keep_last": column.mask.keep_last,
        }
    if column.hierarchy is not None:
        facts["hierarchy"] = dict(column.hierarchy)
    for name in ("withhold", "levels"):
        if name in facts:
            facts[name] = list(facts[name])
    return facts


def _changed(value: Any, default: Any, leave_out: Collection[str] = ()) -> dict[str, Any]:
    """Return the fields of a dataclass that are not as by default."""
    return {
        field.name: getattr(value, field.name)
        for field in fields(value)
        if field.name not in leave_out
        and getattr(value, field.name) != getattr(default, field.name)
    }


def _require_known(facts: Mapping[str, Any], known: Mapping[str, str], where: str) -> None:
    """Refuse names that mean nothing here, and values of another kind."""
    for name, value in facts.items():
        if name not in known:
            near = difflib.get_close_matches(name, known, n=1)
            hint = f" Did you mean {near[0]}?" if near else f" There are {', '.join(known)}."
            raise Refused(f"In {where}: {name} means nothing here.{hint}", option="recipe")
        kind = known[name]
        is_wrong_bool = isinstance(value, bool) and kind != "true or false"
        if is_wrong_bool or not isinstance(value, _KINDS[kind]):
            raise Refused(f"In {where}: {name} is {kind}.", option="recipe")
