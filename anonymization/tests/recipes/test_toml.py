import pytest
from hypothesis import given
from hypothesis import strategies as st

from anonymization.engine.problem import Models
from anonymization.recipes.recipe import Column, Mask, Recipe, Search
from anonymization.recipes.toml import read_recipe, write_recipe
from fairdb_site.errors import Refused, TooLarge

shares = st.floats(0.001, 1)
words = st.text(st.characters(codec="utf-8", exclude_categories=["Cs"]), max_size=20)
columns = st.builds(
    Column,
    name=words,
    role=st.sampled_from(["direct_identifier", "quasi_identifier", "sensitive", "other"]),
    drop=st.booleans(),
    missing=st.sampled_from(["leave", "drop column", "drop rows", "mark"]),
    mark=words,
    bottom=st.none() | st.floats(-100, 0),
    top=st.none() | st.integers(1, 100),
    round_to=st.none() | shares,
    mask=st.none() | st.builds(Mask, st.integers(0, 9), st.integers(0, 9)),
    withhold=st.lists(words, max_size=3).map(tuple),
    hierarchy=st.none() | st.just({"kind": "intervals", "edges": [0, 5, 10]}),
    levels=st.none() | st.integers(0, 3).map(lambda least: (least, least + 1)),
    weight=st.floats(0.5, 2),
)
recipes = st.builds(
    Recipe,
    models=st.builds(
        Models,
        k=st.integers(1, 50),
        risk=st.none() | shares,
        t=st.none() | st.floats(0, 1),
        l_recursive=st.none() | st.tuples(st.floats(0.5, 9), st.integers(2, 9)),
        per=st.sampled_from(["rows", "persons"]),
    ),
    columns=st.lists(columns, max_size=4, unique_by=lambda column: column.name).map(tuple),
    search=st.builds(
        Search,
        method=st.sampled_from(["full-domain", "mondrian", "enforce"]),
        suppression_limit=st.floats(0, 1),
        refine=st.booleans(),
        seconds=st.floats(1, 100),
    ),
    title=words,
    seed=st.none() | st.integers(0, 1 << 40),
)


@given(recipes)
def test_what_is_written_reads_as_the_same_and_is_written_alike(recipe: Recipe) -> None:
    written = write_recipe(recipe)

    assert read_recipe(written) == recipe
    assert write_recipe(read_recipe(written)) == written


def test_a_recipe_is_small_and_readable() -> None:
    recipe = Recipe(
        title="Cohort",
        models=Models(k=5, t=0.5),
        columns=(
            Column("name", role="direct_identifier"),
            Column("age", role="quasi_identifier", top=90, hierarchy={"kind": "suggested"}),
        ),
        search=Search(suppression_limit=0.05),
    )

    assert write_recipe(recipe) == (
        'recipe = 1\ntitle = "Cohort"\n\n[models]\nk = 5\nt = 0.5\n\n'
        '[search]\nsuppression_limit = 0.05\nmethod = "full-domain"\n\n'
        '[columns.name]\nrole = "direct-identifier"\n\n'
        '[columns.age]\nrole = "quasi-identifier"\ntop = 90\n\n'
        '[columns.age.hierarchy]\nkind = "suggested"\n'
    )


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("recipe = ", "The recipe is no TOML: Invalid value (at end of document)"),
        ("[models]\nk = 5", 'it begins with the line "recipe = 1"'),
        ("recipe = 2", 'it begins with the line "recipe = 1"'),
        ("recipe = true", "In the recipe: recipe is a whole number."),
        ("recipe = 1\nmodel = 5", "model means nothing here. Did you mean models?"),
        ("recipe = 1\n[models]\nk = 2.5", "In [models]: k is a whole number."),
        ("recipe = 1\n[models]\nk = 0", "The threshold k is 1 or above."),
        ("recipe = 1\n[models]\nt = nan", "The threshold t is a number from 0 to 1."),
        ("recipe = 1\n[models]\nrisk = 0", "The threshold risk is a number above 0"),
        ("recipe = 1\n[models]\nbeta = inf", "The threshold beta is a number above 0."),
        ("recipe = 1\n[models]\nper = 'cells'", "Models count rows or persons."),
        ("recipe = 1\n[models.l_recursive]\nc = 1", "l_recursive has a c and an l."),
        ("recipe = 1\n[models.l_recursive]\nc = 1\nl = 1", "a whole number from 2"),
        ("recipe = 1\n[search]\nmethod = 'magic'", "A method is full-domain, mondrian, enforce."),
        ("recipe = 1\n[search]\nsuppression_limit = 5", "a share of the rows, from 0 to 1"),
        ("recipe = 1\n[search]\nseconds = 0", "more than 0 seconds"),
        ("recipe = 1\nseed = -1", "A seed is a whole number from 0."),
        ("recipe = 1\n[columns]\nage = 5", "In column age: write [columns.age]"),
        ("recipe = 1\n[columns.age]\nrole = 'qid'", "Column age: a role is one of"),
        ("recipe = 1\n[columns.age]\nround_to = 0", "what it is rounded to is above 0"),
        ("recipe = 1\n[columns.age]\nbottom = 9\ntop = 3", "the bottom is below the top"),
        ("recipe = 1\n[columns.age]\nlevels = [1]", "levels are two whole numbers"),
        ("recipe = 1\n[columns.age]\nlevels = [3, 1]", "the lowest and the highest"),
        ("recipe = 1\n[columns.age]\nweight = -1", "a weight is above 0"),
        ("recipe = 1\n[columns.age.mask]\nkeep_first = -1", "A mask keeps 0 characters or more"),
        ("recipe = 1\nx = " + "[" * 5000, "The recipe is no TOML"),
    ],
)
def test_what_is_wrong_is_named(text: str, says: str) -> None:
    with pytest.raises(Refused) as refused:
        read_recipe(text)

    assert says in refused.value.message


def test_a_recipe_too_large_is_refused_before_it_is_read() -> None:
    with pytest.raises(TooLarge):
        read_recipe("#" * 20_000_001)
