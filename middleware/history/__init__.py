"""Conversations that the gateway keeps, whichever interface they are held over.

A message is stored in one form, that of a chat completion as LiteLLM takes it, and rendered from there.
"""
