"""The embedded default: PostgreSQL from a wheel and a loopback Supabase gateway.

For development and evaluation, on Linux (elsewhere unverified). Only settings, the `local` command
and `fairdb_site.embedded` reach in here; with `SUPABASE_URL` set none of it is imported.
"""
