"""Reports of results: one page that can be sent to a colleague."""
