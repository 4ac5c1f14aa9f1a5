"""Accounts: people, their sessions, and the pages by which they come and go."""
