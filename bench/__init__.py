"""Benchmarks: khue against its peers and against floors, from one source, in one run. ``python -m bench --help``."""
