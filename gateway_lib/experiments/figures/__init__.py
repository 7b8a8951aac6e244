"""The figures that a person would show of an experiment; each large for a slide, or small for the memo."""
