"""Learning: the configuration, the loss, the loop, and the folder of a run."""
