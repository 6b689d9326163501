"""Whether the vessels found in a photograph can be relied on, and why not."""
