"""Experiments between models: the file, the plan, what came in, what it says, what to do."""
