"""Sticky arms: the model `experiment/<name>` is another model for each unit, the same one each time."""
