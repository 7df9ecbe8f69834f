"""The network: its architecture, the colour fit under it, what it is trained towards, and its file."""
