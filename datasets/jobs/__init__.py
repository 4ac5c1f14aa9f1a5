"""Work that workers do for an owner outside of requests: one attempt at a time, kept alive."""
