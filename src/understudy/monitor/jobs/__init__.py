"""The processes that the monitor starts: the program's own commands, what they print, how they end."""
