"""The command line: one file per command, each a thin face on the core."""
