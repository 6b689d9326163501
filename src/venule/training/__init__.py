"""Training: configuration, losses, loop, and the folder of a run."""
