"""The registry: what cameras there are, whose, what for, and how each came to be what it is."""
