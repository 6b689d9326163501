"""How fast networks are, alone and from file to mask, beside others in one run."""
