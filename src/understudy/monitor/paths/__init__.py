"""Which folders and files the monitor may touch, and what a path field offers while somebody types."""
