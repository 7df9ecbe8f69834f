"""What a model is: one typed description, whatever made it, and the readers of model files."""
