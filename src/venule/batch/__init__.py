"""Batch processing of photographs: planning of the outputs, and the run that writes them."""
