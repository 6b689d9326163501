"""Grades of photographs and of the vessels found in them, with reasons."""
