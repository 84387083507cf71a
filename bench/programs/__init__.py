"""Programs that the benchmark starts as processes of their own, so that their CPU time is theirs alone."""
