"""What failed rests: a broken store of gigabytes is not downloaded in every round."""

from __future__ import annotations

from collections.abc import Mapping

LONGEST = 48


class Rests:
    """How many rounds each model that failed still rests: 1, 2, 4, ... up to LONGEST."""

    def __init__(self) -> None:
        self._failures: dict[str, int] = {}
        self._left: dict[str, int] = {}
        self._resting: set[str] = set()

    def skip(self, model: str) -> bool:
        """Whether it rests in this round. Asked once a round."""
        left = self._left.get(model, 0)
        self._left[model] = max(left - 1, 0)
        if left:
            self._resting.add(model)
        return left > 0

    def learn(self, failed: Mapping[str, bool]) -> None:
        """What became of the models of a round. Those that rested tell nothing."""
        for model, has_failed in failed.items():
            if model in self._resting:
                continue
            if not has_failed:
                self._failures.pop(model, None)
                continue
            failures = self._failures[model] = self._failures.get(model, 0) + 1
            self._left[model] = min(2 ** (failures - 1), LONGEST) - 1
        self._resting.clear()
