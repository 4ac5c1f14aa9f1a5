"""Searches for the anonymization that loses least: integer codes in, levels or classes out.

Pure: no files, no labels, no database. `problem` says what is asked, `fulldomain` and `mondrian`
answer it, `figures` says what an answer loses. Compiled code is in `*kernels` modules, imported
where it is called: numba takes two seconds. Definitions: docs/anonymization.md.
"""
