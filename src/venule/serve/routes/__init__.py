"""Routes, by what they answer about; each asks the service and does nothing else."""
