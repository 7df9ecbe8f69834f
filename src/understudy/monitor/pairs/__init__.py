"""What a new training would learn from: pairs, their alignment, the time it takes."""
