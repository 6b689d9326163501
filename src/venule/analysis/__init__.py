"""One photograph analysed: the only path from a photograph to everything known of it."""
