"""Networks, their weights, and the record that goes with them."""
