"""Cameras are found, asked what they are, taken in, and given passwords of our own."""
