"""How much readers may hold of what nobody has taken yet."""

from __future__ import annotations

import threading


class Budget:
    """Bytes that readers may hold before they are taken, in order."""

    def __init__(self, total: int) -> None:
        self.free, self.turn, self.closed = total, 0, False
        self.changed = threading.Condition()

    def taken(self, amount: int) -> None:
        """The next one in turn has handed over what it held."""
        with self.changed:
            self.free += amount
            self.turn += 1
            self.changed.notify_all()

    def close(self) -> None:
        """Lets everybody go."""
        with self.changed:
            self.closed = True
            self.changed.notify_all()


class Grant:
    """What one reader, in its turn, holds of a budget."""

    def __init__(self, budget: Budget, turn: int) -> None:
        self._budget, self._turn = budget, turn
        self.bytes = 0

    def wait(self, amount: int) -> None:
        """Until there is room. The next one in turn never waits: the others keep what they hold until it is taken."""
        budget = self._budget
        with budget.changed:
            budget.changed.wait_for(lambda: budget.closed or budget.turn == self._turn or amount <= budget.free)
            budget.free -= amount
            self.bytes = amount
