"""Limits of the lengths that files and options may state on the retina."""

UM_PER_PX = (0.5, 200.0)
"""Micrometres per pixel; 1 mm is a converter's default, 0.01 a length in millimetres."""

DISC_DIAMETER_UM = (500.0, 4000.0)
"""Diameter of an optic disc in micrometres."""
