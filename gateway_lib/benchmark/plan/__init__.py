"""What is to be measured: models, prompts, load, objectives, and the order of requests."""
