import socket
import struct
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from local_region.resolver import TYPE_A, Upstream, answer, failure, parse, upstream


def query(name: str, kind: int = TYPE_A) -> bytes:
    labels = b"".join(bytes([len(label)]) + label.encode() for label in name.split("."))
    return struct.pack(">HHHHHH", 0x1234, 0x0100, 1, 0, 0, 0) + labels + b"\0" + struct.pack(">HH", kind, 1)


def test_a_name_is_read_in_lower_case():
    question = parse(query("DB.Example.RDS.amazonaws.com"))
    assert (question.name, question.type) == ("db.example.rds.amazonaws.com", TYPE_A)


def test_an_address_is_answered_with_a_short_life():
    asked = query("db.internal")
    reply = answer(asked, parse(asked), "10.0.0.7")
    ident, flags, questions, answers, _, _ = struct.unpack_from(">HHHHHH", reply)
    assert (ident, questions, answers) == (0x1234, 1, 1)
    assert flags & 0x8000, "not a response"
    pointer, kind, _, ttl, length = struct.unpack_from(">HHHIH", reply, len(asked))
    assert (pointer, kind, ttl, length) == (0xC00C, TYPE_A, 1, 4)
    assert socket.inet_ntoa(reply[-4:]) == "10.0.0.7"


def test_other_types_of_a_known_name_have_no_data():
    asked = query("db.internal", kind=28)
    reply = answer(asked, parse(asked), "10.0.0.7")
    assert struct.unpack_from(">H", reply, 6) == (0,)
    assert reply[3] & 0x0F == 0, "no such name would stop the search for an address"


def test_what_follows_the_question_is_not_echoed():
    asked = query("db.internal") + b"\0\0\x29\x10\0\0\0\0\0\0\0"  # EDNS
    assert answer(asked, parse(asked), "10.0.0.7").endswith(socket.inet_aton("10.0.0.7"))


def test_a_failure_keeps_the_id():
    assert failure(query("x.y"))[:2] == b"\x12\x34"
    assert failure(query("x.y"))[3] & 0x0F == 2


@pytest.mark.parametrize("bad", [b"", b"\0" * 12, query("a.b")[:-6], query("a.b")[:12] + b"\xc0\x0c\0\1\0\1"])
def test_nonsense_is_refused(bad):
    with pytest.raises(ValueError, match=r".+"):
        parse(bad)


def test_the_first_name_server_counts():
    assert upstream("# comment\nsearch a\nnameserver 10.0.0.2\nnameserver 10.0.0.3\n") == "10.0.0.2"
    assert upstream("search a\n") is None


class NameServer:
    """Answers on a port of the loopback, but not the first `deaf` questions; remembers all of them."""

    def __init__(self, deaf=0, code=0):
        self.deaf, self.code, self.asked = deaf, code, []
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 0))
        self.port = self.socket.getsockname()[1]
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self):
        while True:
            asked, peer = self.socket.recvfrom(4096)
            self.asked.append(asked)
            if len(self.asked) > self.deaf:
                self.socket.sendto(asked[:2] + bytes([0x81, 0x80 | self.code]) + asked[4:], peer)


@pytest.fixture(autouse=True)
def short_waits(monkeypatch):
    monkeypatch.setattr(Upstream, "WAITS", (0.05, 0.05, 0.05))


def test_what_many_ask_at_once_is_asked_upstream_once():
    server = NameServer()
    above = Upstream("127.0.0.1", server.port)
    queries = [bytes([0, number]) + query("pypi.example")[2:] for number in range(30)]
    with ThreadPoolExecutor(8) as pool:
        replies = list(pool.map(above.reply, queries))
    assert [reply[:2] for reply in replies] == [asked[:2] for asked in queries]
    assert len(server.asked) == 1
    above.reply(query("other.example"))
    assert len(server.asked) == 2


def test_a_question_that_was_lost_is_sent_again():
    server = NameServer(deaf=2)
    assert Upstream("127.0.0.1", server.port).reply(query("a.example"))[3] == 0x80
    assert len(server.asked) == 3


def test_a_failure_is_not_kept(monkeypatch):
    monkeypatch.setattr(Upstream, "SECONDS_OF_A_FAILURE", 0)
    server = NameServer(code=2)
    above = Upstream("127.0.0.1", server.port)
    assert above.reply(query("a.example"))[3] & 0x0F == 2
    server.code = 0
    assert above.reply(query("a.example"))[3] & 0x0F == 0


def test_silence_is_told():
    with pytest.raises(TimeoutError, match="does not answer"):
        Upstream("127.0.0.1", NameServer(deaf=9).port).reply(query("a.example"))
