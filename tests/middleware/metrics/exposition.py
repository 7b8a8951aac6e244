"""What the service exposes, read as a collector reads it."""

from __future__ import annotations

from collections.abc import Mapping

from prometheus_client.parser import text_string_to_metric_families


class Exposition:
    """The samples of one scrape."""

    def __init__(self, text: str) -> None:
        self.families = {family.name: family for family in text_string_to_metric_families(text)}
        self.samples = [sample for family in self.families.values() for sample in family.samples]

    def value(self, name: str, **labels: str) -> float:
        """The sum of the samples of this name whose labels include these."""
        found = (
            s.value for s in self.samples if s.name == name and labels.items() <= s.labels.items()
        )
        return sum(found)

    def labels(self) -> Mapping[str, set[str]]:
        """The labels of each sample's name."""
        known: dict[str, set[str]] = {}
        for sample in self.samples:
            known.setdefault(sample.name, set()).update(sample.labels)
        return known
