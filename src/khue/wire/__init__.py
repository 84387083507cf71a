"""Versioned messages that cross a process boundary."""
