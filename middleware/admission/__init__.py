"""Admission: how many calls of a model are under way at once, and which of those that wait goes next."""
