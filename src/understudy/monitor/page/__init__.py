"""The page: a face over the house, one small file for each part of it."""
