"""Synthetic fundus photographs whose vessels are known exactly."""
