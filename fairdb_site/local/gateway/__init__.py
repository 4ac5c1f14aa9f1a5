"""A loopback gateway on which unmodified supabase-py works: accounts and RPCs, nothing else.

It answers the GoTrue endpoints the project uses under /auth/v1 and runs functions under
/rest/v1/rpc as PostgREST does; anything else is a plain 501. For development and evaluation.
"""
