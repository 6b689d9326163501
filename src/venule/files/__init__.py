"""Files written atomically, and their hashes."""
