"""The artist in the loop: which frame to paint, what is wrong with the pairs, corrections that teach."""
