"""What spoils a picture on its way through lens, sensor and file."""
