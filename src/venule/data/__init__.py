"""Data sets: readers of the released folder trees, protocols, checks, and training samples."""
