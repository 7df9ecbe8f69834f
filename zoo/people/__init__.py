"""People to learn from: bodies, poses and clothes from MakeHuman's CC0 assets, rendered."""
