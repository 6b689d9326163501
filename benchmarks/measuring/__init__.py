"""Benchmarks of measurements of vessels, one module a question."""
