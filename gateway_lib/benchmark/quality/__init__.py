"""Which answers are right, and the answers side by side."""
