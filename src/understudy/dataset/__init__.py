"""Pairs of plate and ground truth, held in memory, and the crops that are drawn from them."""
