"""Pages and tables generated from the result files."""
