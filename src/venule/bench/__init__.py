"""Speed of networks, alone and from file to mask, compared in one run."""
