"""Arrays in, pictures out: overlays, error maps, contact sheets, curves."""
