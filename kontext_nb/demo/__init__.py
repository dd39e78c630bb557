"""The embedded engine: a RunComfy-compatible service that edits pictures offline."""
