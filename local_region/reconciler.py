"""The loop that makes true what the API says: level triggered, so that a lost event costs half a second."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any

from docker.errors import DockerException

from local_region.region import Region
from local_region.services import Service

log = logging.getLogger(__name__)

TICK = 0.5  # seconds
PAUSE = 0.1  # seconds; a burst of calls is one round


class Reconciler:
    """Runs every service's reconcile, and removes what no API knows any more."""

    def __init__(self, region: Region, services: Sequence[Service]) -> None:
        self.region, self.services = region, services

    def start(self) -> None:
        """Start the loop and the listener for Docker's events."""
        threading.Thread(target=self._loop, daemon=True, name="reconciler").start()
        threading.Thread(target=self._events, daemon=True, name="docker-events").start()

    def _loop(self) -> None:
        while True:
            self.region.wake.wait(TICK)
            self.region.wake.clear()
            for service in self.services:
                self._guard(service.reconcile)
            self._guard(self._sweep)
            time.sleep(PAUSE)

    def _guard(self, work: Callable[[], Any]) -> None:
        try:
            work()
        except Exception:  # one service's trouble must not stop the others
            log.exception("%s", work)

    def _sweep(self) -> None:
        """Remove containers whose resource is gone. What a service knows is read after Docker was asked."""
        found = self.region.engine.known()
        known = set().union(*(service.known() for service in self.services))
        for kind, id in found - known:
            self.region.job((kind, id), self.region.engine.remove, kind, id)

    def _events(self) -> None:
        filters = {**self.region.engine.filters(), "event": ["die", "destroy"]}
        while True:
            try:
                for _ in self.region.engine.docker.events(decode=True, filters=filters):
                    self.region.wake.set()
            except DockerException:
                log.exception("docker events: listening again")
                time.sleep(TICK)
