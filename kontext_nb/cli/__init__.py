"""The command line: a thin front door for shells and CI."""
