"""Chat completions: the form in which messages are kept, and what becomes of it elsewhere."""
