"""How to talk to a camera: pure parsers and thin clients."""
