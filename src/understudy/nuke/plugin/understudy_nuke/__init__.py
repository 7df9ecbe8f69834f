"""Understudy in Nuke: train, watch and use networks without locking Nuke.

Everything heavy runs in processes of its own. Python 3.7, Nuke's modules and the standard library, no more.
"""
