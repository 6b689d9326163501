"""Routes by subject; each delegates to the service."""
