"""DNS: the region's names answered at once, all else passed on to the machine's resolver."""

from __future__ import annotations

import logging
import socket
import struct
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

log = logging.getLogger(__name__)

TTL = 1  # seconds: a failover moves a name, and clients must see it at once
TYPE_A = 1
HEADER = struct.Struct(">HHHHHH")
AUTHORITATIVE_ANSWER = 0x8580  # response, authoritative, recursion desired and available
SERVER_FAILURE = 0x8182


@dataclass(frozen=True)
class Question:
    """The first question of a query; end is the offset behind it."""

    name: str
    type: int
    end: int


def parse(query: bytes) -> Question:
    """Return a query's question; ValueError for anything that is none."""
    labels, at = [], HEADER.size
    try:
        if HEADER.unpack_from(query)[2] != 1:
            raise ValueError("not one question")
        while length := query[at]:
            if length > 63:
                raise ValueError("compressed name in a question")
            labels.append(query[at + 1 : at + 1 + length].decode("ascii"))
            at += length + 1
        (type,) = struct.unpack_from(">H", query, at + 1)
    except (IndexError, struct.error, UnicodeDecodeError) as error:
        raise ValueError("malformed query") from error
    return Question(".".join(labels).lower(), type, at + 5)


def answer(query: bytes, question: Question, address: str) -> bytes:
    """Return the answer to a name that is ours: an address for A, no data for every other type."""
    count = 1 if question.type == TYPE_A else 0
    head = HEADER.pack(int.from_bytes(query[:2]), AUTHORITATIVE_ANSWER, 1, count, 0, 0)
    body = query[HEADER.size : question.end]
    if count:
        body += struct.pack(">HHHIH", 0xC00C, TYPE_A, 1, TTL, 4) + socket.inet_aton(address)
    return head + body


def failure(query: bytes) -> bytes:
    """Return SERVFAIL, so that the client need not wait for its timeout."""
    return query[:2] + struct.pack(">HHHHH", SERVER_FAILURE, 1, 0, 0, 0) + query[HEADER.size :]


def upstream(resolv_conf: str) -> str | None:
    """Return the first name server of a resolv.conf's text."""
    words = (line.split() for line in resolv_conf.splitlines())
    return next((word[1] for word in words if len(word) > 1 and word[0] == "nameserver"), None)


@dataclass
class Kept:
    """An upstream answer, good until a time of the monotonic clock; the lock is held while it is asked for."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    reply: bytes = b""
    until: float = 0


class Upstream:
    """The machine's resolver. It hears once what many ask at the same time: it may drop what comes in bursts."""

    SECONDS, SECONDS_OF_A_FAILURE = 30, 1  # that an answer is kept
    WAITS = (0.5, 1, 2)  # seconds until a question is sent again
    MOST = 1000  # answers kept
    ANSWERS = (0, 3)  # no error, no such name: what is worth keeping

    def __init__(self, address: str, port: int = 53) -> None:
        self.address = (address, port)
        self._kept: dict[bytes, Kept] = {}
        self._lock = threading.Lock()

    def reply(self, query: bytes) -> bytes:
        """Return the answer to a query; OSError if there is none."""
        with self._lock:
            if len(self._kept) > self.MOST:
                self._kept.clear()
            kept = self._kept.setdefault(query[2:], Kept())
        with kept.lock:
            if kept.until < time.monotonic():
                kept.reply = self._ask(query)
                answered = kept.reply and kept.reply[3] & 0xF in self.ANSWERS
                kept.until = time.monotonic() + (self.SECONDS if answered else self.SECONDS_OF_A_FAILURE)
            if not kept.reply:
                raise TimeoutError(f"{self.address[0]} does not answer")
            return query[:2] + kept.reply[2:]

    def _ask(self, query: bytes) -> bytes:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
            client.connect(self.address)
            for wait in self.WAITS:
                client.settimeout(wait)
                client.send(query)
                try:
                    reply = client.recv(4096)
                except TimeoutError:
                    continue
                if len(reply) >= HEADER.size and reply[:2] == query[:2]:
                    return reply
        return b""


class Resolver:
    """A DNS server on one UDP port, answering from a table that others keep."""

    def __init__(self, names: Mapping[str, str], port: int, allows: Callable[[str], bool]) -> None:
        self.names, self.port, self.allows = names, port, allows
        address = upstream(Path("/etc/resolv.conf").read_text())
        self.upstream = Upstream(address) if address else None
        self.pool = ThreadPoolExecutor(8, "dns")

    def start(self) -> None:
        """Listen; returns at once."""
        server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        server.bind(("0.0.0.0", self.port))
        threading.Thread(target=self._serve, args=(server,), daemon=True, name="resolver").start()

    def _serve(self, server: socket.socket) -> None:
        while True:
            query, peer = server.recvfrom(4096)
            if not self.allows(peer[0]):
                continue
            try:
                question = parse(query)
            except ValueError:
                continue
            if address := self.names.get(question.name):
                server.sendto(answer(query, question, address), peer)
            else:
                self.pool.submit(self._forward, server, query, peer)

    def _forward(self, server: socket.socket, query: bytes, peer: tuple[str, int]) -> None:
        reply = failure(query)
        if self.upstream:
            try:
                reply = self.upstream.reply(query)
            except OSError as error:
                log.debug("upstream: %s", error)
        server.sendto(reply, peer)
