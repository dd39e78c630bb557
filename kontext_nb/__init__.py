"""Edit pictures by instruction from a notebook."""

__version__ = "0.1.0"
