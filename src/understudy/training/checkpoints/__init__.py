"""The files of a run that hold weights: checkpoints (.cat) and the progress file (.ost)."""
