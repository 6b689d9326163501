"""Recipes of results: files that are executed step by step."""
