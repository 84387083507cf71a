"""The process beside the cameras: pull, record, serve."""
