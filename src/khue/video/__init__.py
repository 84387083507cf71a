"""The recording log, its index, depacketising and muxing."""
