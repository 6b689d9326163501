"""Speed of networks, alone and from file to mask, beside others in one run."""
