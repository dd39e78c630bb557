"""One vendor a file: requests become calls, replies become values."""
