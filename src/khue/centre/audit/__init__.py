"""The audit log: what is written before anything is shown, the tree that holds it together, and the questions it answers."""
