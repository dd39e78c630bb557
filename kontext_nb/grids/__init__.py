"""A comparison grid: planned once as data, drawn many ways."""
