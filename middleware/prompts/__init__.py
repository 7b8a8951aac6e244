"""Bedrock's managed prompts: which one is meant, what AWS has under it, what it says with its variables."""
