"""Recorded media: streams, stills, coverage and clips."""
