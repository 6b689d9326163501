"""Phantoms: drawings whose measurements are known in closed form."""
