"""Cameras, nodes and which node pulls which camera."""
