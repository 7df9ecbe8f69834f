"""Which folders and files the monitor may touch, and the completion of paths that somebody types."""
