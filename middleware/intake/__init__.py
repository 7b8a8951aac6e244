"""What is looked at before anybody serves a request: its path, its size, its origin, the addresses in it."""
