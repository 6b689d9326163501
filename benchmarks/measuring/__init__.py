"""How far measurements of vessels can be trusted, one module a question."""
