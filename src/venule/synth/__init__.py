"""Synthetic fundus images with exactly known vessels."""
