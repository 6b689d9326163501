"""Geometry of one vessel mask: components, skeleton, reconnection."""
