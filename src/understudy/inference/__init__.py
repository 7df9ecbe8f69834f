"""A trained network and pixels or a plate -> the result."""
