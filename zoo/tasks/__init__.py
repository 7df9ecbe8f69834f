"""Made effects, each of a few pairs of one shot, such as artists teach."""
