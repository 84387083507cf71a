"""Live pictures from nodes to any number of viewers."""
