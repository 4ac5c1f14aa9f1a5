"""Supabase as the platform uses it: clients, RPCs, accounts, tokens. Nothing else imports it."""
