"""What a recipe does to columns and rows, as small pure functions.

`cells` maps the different values of a column, `table` drops and withholds columns and rows,
`writing` makes the cells of a result from what a search found, `order` shuffles rows.
"""
