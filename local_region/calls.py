"""Who called what: every API call as one line, counts by service and action."""

from __future__ import annotations

import functools
import json
import re
import threading
import time
import urllib.parse
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

import botocore.session

SERVICE_OF_SIGNING_NAME = {"elasticfilesystem": "efs", "elasticloadbalancing": "elbv2", "monitoring": "cloudwatch"}
READING = re.compile(r"(Describe|Get|List|Head|Lookup|Batch(Describe|Get)|GET |HEAD )")
CREDENTIAL = re.compile(r"Credential=([^/]+)/\d+/([^/]+)/([^/]+)/aws4_request")
RPC_PATH = re.compile(r"/service/[^/]+/operation/([^/]+)$")


@dataclass(frozen=True)
class Call:
    """One request, as far as its head and body tell."""

    service: str
    action: str
    region: str
    access_key: str
    protocol: str

    @property
    def changes(self) -> bool:
        """Return whether the call may change something."""
        return not READING.match(self.action)


@dataclass(frozen=True)
class Record:
    """One line of the call log; time in seconds since the epoch."""

    time: float
    service: str
    action: str
    region: str
    status: int
    ms: int
    access_key: str
    principal: str
    fault: str = ""


@functools.lru_cache
def service_model(service: str) -> botocore.model.ServiceModel | None:
    """Return botocore's description of a service, None for a name it does not know."""
    session = botocore.session.get_session()
    return session.get_service_model(service) if service in session.get_available_services() else None


@functools.lru_cache
def regions() -> frozenset[str]:
    """Return the names of all AWS regions of the global and the China partition."""
    session = botocore.session.get_session()
    return frozenset(
        name for partition in ("aws", "aws-cn") for name in session.get_available_regions("ec2", partition)
    )


@dataclass(frozen=True)
class Route:
    """What a request must have to be an operation of a REST service."""

    method: str
    path: re.Pattern[str]
    query: frozenset[str]
    headers: frozenset[str]
    operation: str

    @property
    def specificity(self) -> tuple[int, int]:
        """Return a key that is greater the more a route asks for."""
        return len(self.query) + len(self.headers), len(self.path.pattern)


@functools.lru_cache
def routes(service: str) -> list[Route]:
    """Return the routes of a REST service, the most specific first."""
    model = service_model(service)
    found = [route(service, model.operation_model(name)) for name in model.operation_names] if model else []
    return sorted(found, key=lambda route: route.specificity, reverse=True)


def route(service: str, operation: botocore.model.OperationModel) -> Route:
    """Return the route of one operation: its path, and the query parameters and headers that it requires."""
    path, _, query = operation.http["requestUri"].partition("?")
    if service == "s3" and path.startswith("/{Key"):  # botocore leaves the bucket to its endpoint rules
        path = "/{Bucket}" + path
    pattern = re.sub(r"\\{[^}]*?\\\+\\}", ".+", re.escape(path.rstrip("/")))
    pattern = re.sub(r"\\{[^}]*?\\}", "[^/]+", pattern)
    required: dict[str, set[str]] = {"querystring": set(), "header": set()}
    shape = operation.input_shape
    for name in shape.required_members if shape else ():
        member = shape.members[name].serialization
        if member.get("location") in required:
            required[member["location"]].add(member["name"].lower())
    asked = {name.lower() for name in urllib.parse.parse_qs(query, keep_blank_values=True)}
    return Route(
        operation.http["method"],
        re.compile(pattern + "/?$"),
        frozenset(asked | required["querystring"]),
        frozenset(required["header"]),
        operation.name,
    )


def rest_action(service: str, environ: Mapping[str, str]) -> str:
    """Return the operation of a REST request, or its method and path when none fits."""
    method, path = environ.get("REQUEST_METHOD", "GET"), environ.get("PATH_INFO", "")
    fields = urllib.parse.parse_qs(environ.get("QUERY_STRING", ""), keep_blank_values=True)
    query = {name.lower() for name in fields}
    headers = {name[5:].replace("_", "-").lower() for name in environ if name.startswith("HTTP_")}
    for candidate in routes(service):
        fits = candidate.method == method and candidate.query <= query and candidate.headers <= headers
        if fits and candidate.path.match(path):
            return candidate.operation
    return f"{method} {path}"


def identify(environ: Mapping[str, str], body: bytes) -> Call:
    """Return what a request asks for."""
    scope = CREDENTIAL.search(environ.get("HTTP_AUTHORIZATION", ""))
    access_key, region, signing = scope.groups() if scope else ("", "", "")
    service = SERVICE_OF_SIGNING_NAME.get(signing, signing)
    path, target = environ.get("PATH_INFO", ""), environ.get("HTTP_X_AMZ_TARGET", "")
    form = environ.get("CONTENT_TYPE", "").startswith("application/x-www-form-urlencoded")
    if rpc := RPC_PATH.search(path):
        return Call(service, rpc[1], region, access_key, "smithy-rpc-v2-cbor")
    if target:
        return Call(service, target.rpartition(".")[2], region, access_key, "json")
    if form:
        fields = urllib.parse.parse_qs(body.decode("utf-8", "replace"))
        if action := fields.get("Action", [""])[0]:
            return Call(service, action, region, access_key, "ec2" if service == "ec2" else "query")
    model = service_model(service)
    protocol = "s3" if service == "s3" else model.protocol if model else "rest-xml"
    return Call(service, rest_action(service, environ), region, access_key, protocol)


class CallLog:
    """The call log of a region since it was started: a file of JSON lines, and counts in memory."""

    def __init__(self, path: Path, principal: Callable[[str, str], str]) -> None:
        self.file = path.open("w", buffering=1, encoding="utf-8")
        self.principal = principal
        self.lock = threading.Lock()
        self.counts: Counter[str] = Counter()

    def add(self, call: Call, status: int, seconds: float, fault: str = "") -> None:
        """Record one answered call."""
        record = Record(
            time=round(time.time(), 3),
            service=call.service,
            action=call.action,
            region=call.region,
            status=status,
            ms=round(seconds * 1000),
            access_key=call.access_key,
            principal=self.principal(call.access_key, call.region),
            fault=fault,
        )
        line = json.dumps(asdict(record)) + "\n"
        with self.lock:
            self.counts[f"{call.service}:{call.action}"] += 1
            self.file.write(line)

    def clear(self) -> None:
        """Start counting anew; the file stays."""
        with self.lock:
            self.counts.clear()

    def describe(self) -> dict[str, int]:
        """Return the number of calls by service:Action, most frequent first."""
        with self.lock:
            return dict(self.counts.most_common())
