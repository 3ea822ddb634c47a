"""Bad inputs, one fault each, and how each must be answered."""
