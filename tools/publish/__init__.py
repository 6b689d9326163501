"""Pages and tables, written from the result files."""
