"""The server: networks, files and Python models, live in the compositing program."""
