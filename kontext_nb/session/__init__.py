"""Where settings, pictures, store and engine meet."""
