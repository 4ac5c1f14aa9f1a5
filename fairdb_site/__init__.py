"""The platform: settings, identity on the database, Supabase, the embedded default."""
