"""Exercises on the simulated city, checked from what people really did."""
