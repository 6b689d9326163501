"""Scoring by a fixed protocol: images, ground truth, threshold and confidence intervals."""
