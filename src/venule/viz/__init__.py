"""Visualisation: overlays, error maps, contact sheets and curves, from arrays."""
