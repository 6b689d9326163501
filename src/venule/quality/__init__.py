"""Grading of photographs and their vessel maps, with reasons."""
