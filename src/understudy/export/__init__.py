"""A trained network as a file that another program loads, held against the original before it stays."""
