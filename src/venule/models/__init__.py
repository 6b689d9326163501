"""Networks, their weights, and the record stored with them."""
