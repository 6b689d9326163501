"""Trained networks as files that run elsewhere."""
