"""Deploying the gateway: the Copilot tree, its validation, and the driver of the `copilot` command."""
