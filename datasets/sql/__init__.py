"""The database contract as numbered `.sql` files, each with its reverse beside it."""
