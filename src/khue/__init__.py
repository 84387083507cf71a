"""khue: one roof for a city's cameras."""

__version__ = "0.1.0"
