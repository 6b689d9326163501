"""Recipes of results: files that are executed, a step at a time."""
