"""What the server serves: built-in effects, trained networks, model files, and Python models in their own process."""
