"""What a new training would learn from: pairs, what is wrong with them, the time it takes."""
