"""Inference: from a photograph to its vessel map, in any runtime."""
