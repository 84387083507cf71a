"""The process people talk to: registry, access, live and playback for everybody."""
