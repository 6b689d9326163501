"""Reports of results: a single page to send to a colleague."""
