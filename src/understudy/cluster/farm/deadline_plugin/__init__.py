"""What Deadline 10 loads in its own Python to run tasks; it knows nothing of this package."""
