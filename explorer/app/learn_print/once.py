"""Pages that take seconds to make are made once, by whoever asks first; the others wait for that."""

from __future__ import annotations

import threading
from collections.abc import Callable


class Once:
    """What was made, by name."""

    def __init__(self) -> None:
        self._lock = threading.Lock()  # held for looking up only
        self._making: dict[str, threading.Lock] = {}
        self._made: dict[str, str] = {}

    def get(self, name: str, make: Callable[[], str]) -> str:
        """What `make` gives, which is called the first time only.

        Args:
            name: What it is kept under.
            make: Makes it; what it raises is raised here, and it is called again the next time.
        """
        with self._lock:
            making = self._making.setdefault(name, threading.Lock())
        with making:
            if name not in self._made:
                self._made[name] = make()
            return self._made[name]
