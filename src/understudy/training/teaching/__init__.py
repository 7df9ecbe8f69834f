"""Corrections that teach: a training that goes on with what an artist put right."""
