"""Learning an effect: from pairs to a run."""
