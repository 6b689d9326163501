"""From a photograph to its vessel map, whatever runs the network."""
