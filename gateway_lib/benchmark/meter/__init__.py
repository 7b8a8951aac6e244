"""The meter: sends requests when they are due, notes when answers come, and watches itself."""
