"""Many photographs in one go: the plan of outputs, and the run that fills it."""
