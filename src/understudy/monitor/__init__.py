"""The monitor: a page and a JSON API over a data directory. It reads run folders and starts the program's own
commands; it trains nothing itself."""
