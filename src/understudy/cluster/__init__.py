"""One shot on many machines."""
