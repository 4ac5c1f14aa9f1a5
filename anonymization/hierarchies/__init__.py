"""Generalization hierarchies: what each value of a column becomes, level by level.

Pure: no database, no pages. `hierarchy` is the thing itself and its checks; `intervals`, `dates`,
`prefixes`, `categories` build one for the values of a column; `layout` and `folder` read and write
files of ARX's layout; `fitting` brings one together with a column for a search; `suggesting`
proposes one. For people: docs/hierarchies.md.
"""
