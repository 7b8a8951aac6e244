"""Estimates and tests over units of assignment; numbers in, numbers out."""
