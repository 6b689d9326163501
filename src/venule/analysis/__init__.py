"""Analysis of one photograph: the only path from a photograph to all results."""
