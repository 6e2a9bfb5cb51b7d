"""The one door: instance metadata, the control API and AWS's API behind the same port."""

from __future__ import annotations

import io
import json
import logging
import time
from collections.abc import Callable, Iterable
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from local_region import metadata
from local_region.calls import Call, CallLog, identify, regions
from local_region.control import Fault
from local_region.faults import MESSAGE, error_response

if TYPE_CHECKING:
    from local_region.region import Region

log = logging.getLogger(__name__)

Environ = dict[str, Any]
Start = Callable[..., Any]
App = Callable[[Environ, Start], Iterable[bytes]]

PREFIX = "/_region/"


def reply(start: Start, status: int, body: bytes, content_type: str = "application/json") -> list[bytes]:
    """Answer a WSGI request."""
    line = f"{status} {HTTPStatus(status).phrase}"
    start(line, [("Content-Type", content_type), ("Content-Length", str(len(body)))])
    return [body]


class Door:
    """The WSGI application around moto's."""

    def __init__(self, region: Region, inner: App, calls: CallLog, wake: Callable[[], None]) -> None:
        self.region, self.inner, self.calls, self.wake = region, inner, calls, wake

    def __call__(self, environ: Environ, start: Start) -> Iterable[bytes]:
        """Answer one request."""
        # The server listens on every interface, because redirected packets arrive on the bridges' own addresses.
        if not self.region.network.allows(environ["REMOTE_ADDR"]):
            return reply(start, 403, b"", "text/plain")
        path = environ["PATH_INFO"]
        if path.startswith("/latest/"):
            answer = metadata.answer(self.region, environ)
            return reply(start, answer.status, answer.body, answer.content_type)
        body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        if path.startswith(PREFIX):
            return self.control(environ, start, body)
        environ["wsgi.input"] = io.BytesIO(body)
        return self.api(environ, start, identify(environ, body))

    def api(self, environ: Environ, start: Start, call: Call) -> Iterable[bytes]:
        """Answer a call of AWS's API, by a fault or by moto."""
        began = time.monotonic()
        if fault := self.region.control.take(call.service, call.action):
            time.sleep(fault.delay)
            if fault.code:
                return self.fail(start, call, fault, began)
        if call.region and call.region not in regions():
            unknown = Fault(match="", code="AuthFailure", status=401)
            return self.fail(start, call, unknown, began, f"The region {call.region} does not exist.")
        seen: list[int] = []

        def note(status: str, *rest: Any) -> Any:
            seen[:] = [int(status.split()[0])]
            return start(status, *rest)

        out = self.inner(environ, note)
        self.calls.add(call, seen[0] if seen else 500, time.monotonic() - began)
        if call.changes:
            self.wake()
        return out

    def fail(self, start: Start, call: Call, fault: Fault, began: float, message: str = MESSAGE) -> list[bytes]:
        """Answer with an error that is not moto's."""
        headers, body = error_response(call.protocol, fault.code, message)
        self.calls.add(call, fault.status, time.monotonic() - began, fault.code)
        start(f"{fault.status} {HTTPStatus(fault.status).phrase}", [*headers, ("Content-Length", str(len(body)))])
        return [body]

    def control(self, environ: Environ, start: Start, body: bytes) -> list[bytes]:
        """Answer the control API; from this machine only, a guest has no such thing."""
        if not environ["REMOTE_ADDR"].startswith("127."):
            return reply(start, 403, b"{}")
        handlers: dict[tuple[str, str], Callable[[], Any]] = {
            ("GET", "state"): self.region.describe,
            ("GET", "calls"): self.calls.describe,
            ("DELETE", "calls"): self.calls.clear,
            ("GET", "faults"): self.region.control.describe,
            ("PUT", "faults"): lambda: self.region.control.set_faults(json.loads(body)),
            ("GET", "timings"): lambda: self.region.control.timings,
            ("PUT", "timings"): lambda: self.region.control.set_timings(json.loads(body)),
        }
        handler = handlers.get((environ["REQUEST_METHOD"], environ["PATH_INFO"].removeprefix(PREFIX)))
        if handler is None:
            return reply(start, 404, b"{}")
        try:
            return reply(start, 200, json.dumps(handler()).encode())
        except (ValueError, TypeError, AttributeError) as error:
            return reply(start, 400, json.dumps({"error": str(error)}).encode())
