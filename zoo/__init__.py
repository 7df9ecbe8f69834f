"""Recipes of the networks that come trained: how each of them is made, from what, and how good it is."""
