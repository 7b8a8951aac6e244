"""Planted faults: what is written, which rule finds it, and where; a module for each kind of rule."""

from __future__ import annotations

from . import (
    budgets,
    caches,
    callbacks,
    files,
    guardrails,
    models,
    references,
    routing,
    secrets,
    settings,
    spend,
    versions,
)

FAULTS = [
    *files.FAULTS,
    *settings.FAULTS,
    *models.FAULTS,
    *references.FAULTS,
    *secrets.FAULTS,
    *routing.FAULTS,
    *guardrails.FAULTS,
    *caches.FAULTS,
    *callbacks.FAULTS,
    *budgets.FAULTS,
    *spend.FAULTS,
    *versions.FAULTS,
]
