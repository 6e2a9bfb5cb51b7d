"""How moto is patched from outside: two small decorators."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any


def after(owner: type, name: str) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Decorate a function that runs after owner.name, with the same arguments; the result is moto's."""

    def decorate(then: Callable[..., None]) -> Callable[..., None]:
        original = getattr(owner, name)

        @functools.wraps(original)
        def wrapped(self: Any, *args: Any, **kwargs: Any) -> Any:
            result = original(self, *args, **kwargs)
            then(self, *args, **kwargs)
            return result

        setattr(owner, name, wrapped)
        return then

    return decorate


def replace(owner: type, name: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Decorate a function that stands in for owner.name and gets moto's as first argument (None if there is none)."""

    def decorate(instead: Callable[..., Any]) -> Callable[..., Any]:
        original = getattr(owner, name, None)

        def wrapped(self: Any, *args: Any, **kwargs: Any) -> Any:
            bound = functools.partial(original, self) if original else None
            return instead(bound, self, *args, **kwargs)

        setattr(owner, name, wrapped)
        return instead

    return decorate
