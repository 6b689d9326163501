"""Data sets: readers of their released trees, protocols, checks, and what training loads."""
