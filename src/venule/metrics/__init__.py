"""Scores as pure functions of arrays: no state, no files, no plots."""
