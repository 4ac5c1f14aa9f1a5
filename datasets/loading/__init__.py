"""Loads outside of requests: a file is submitted, waits its turn, and a worker stores it.

`submissions` is what pages and commands ask for, `tasks` what a worker runs, `lease` who may.
"""
