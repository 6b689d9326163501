"""Vessel measurements: pure functions of masks, and tables of their values."""
