"""The shot that a run works on: its frames as pictures, and what the run's network makes of them."""
