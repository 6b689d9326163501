"""Pixels as arrays: files, field of view, the network's input, tiles."""
