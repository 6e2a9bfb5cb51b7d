"""Edges between the API and the reconciler: what was asked for, and when a resource may be called settled.

A resource's status is a level, and the reconciler can read it at any time. A reboot or a new password is an edge: it
waits in `asked` until a job takes it. One lock keeps a job from calling settled what was just asked for more.
"""

from __future__ import annotations

import threading
from typing import Any

_lock = threading.Lock()


def ask(resource: Any, request: Any, status: str) -> None:
    """Ask the reconciler for something; the resource has this status until it is done."""
    with _lock:
        resource.asked, resource.status = request, status


def take(resource: Any) -> Any:
    """Return what was asked for, once; None for nothing."""
    with _lock:
        request, resource.asked = resource.asked, None
    return request


def put_back(resource: Any, request: Any) -> None:
    """Keep a request that failed, unless something newer was asked for."""
    with _lock:
        resource.asked = resource.asked or request


def settle(resource: Any, status: str) -> bool:
    """Set the status unless something is asked for; returns whether it was set."""
    with _lock:
        if resource.asked is None:
            resource.status = status
        return resource.asked is None
