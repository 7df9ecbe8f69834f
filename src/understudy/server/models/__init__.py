"""What the server serves: built-in effects, trained networks, model files, Python models."""
