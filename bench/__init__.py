"""What the middleware costs: its CPU time beside that of a bare pass-through, measured in one run."""
