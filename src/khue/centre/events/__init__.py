"""What nodes report: into the database and out to watchers."""
