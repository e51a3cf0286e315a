"""How long the steps of a training run take."""

import time


class Clock:
    """Seconds by step."""

    def __init__(self) -> None:
        self.laps: dict[str, float] = {}
        self._last = time.monotonic()

    def lap(self, name: str) -> None:
        """Say that a step is done which began with the previous one's end."""
        now = time.monotonic()
        self.laps[name] = round(now - self._last, 3)
        self._last = now
