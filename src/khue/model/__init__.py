"""Facts and rules: plain values and pure functions, no input or output."""
