"""Scoring by a written protocol: which images, whose truth, which threshold, what interval."""
