"""Every rule of the linter, by what it looks at."""

from __future__ import annotations

from gateway_lib.config.linting.rule import Rule
from gateway_lib.config.linting.rules import (
    budgets,
    cache,
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

RULES: tuple[Rule, ...] = (
    *files.RULES,
    *settings.RULES,
    *models.RULES,
    *references.RULES,
    *secrets.RULES,
    *routing.RULES,
    *guardrails.RULES,
    *cache.RULES,
    *callbacks.RULES,
    *budgets.RULES,
    *spend.RULES,
    *versions.RULES,
)

__all__ = ["RULES"]
