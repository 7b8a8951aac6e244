"""Simulated experiments whose truth is known: do the errors of the analysis hold?"""
