"""Benchmarks of vessel measurements, one module per question."""
