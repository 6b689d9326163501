"""Vessel measurements: pure functions of masks, and the table made of them."""
