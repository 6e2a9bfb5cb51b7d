import json
import subprocess
from types import SimpleNamespace

import pytest
from airflow_host import journal
from airflow_host.journal import Event
from botocore.exceptions import ClientError, EndpointConnectionError

GROUPS = ("/stack/airflow", "/stack/system")


def entry(message="said", **fields):
    return {"MESSAGE": message, "__REALTIME_TIMESTAMP": "1700000000123456", "__CURSOR": "c", **fields}


@pytest.mark.parametrize(
    ("given", "group", "text"),
    [
        (entry(_SYSTEMD_UNIT="airflow-worker.service"), 0, "airflow-worker: said"),
        (entry(_SYSTEMD_UNIT="init.scope", UNIT="airflow-worker.service"), 0, "airflow-worker: said"),
        (entry(_SYSTEMD_UNIT="airflow-storage@0-127.0.0.1:20049-1.service"), 0, "airflow-storage: said"),
        (entry(_SYSTEMD_UNIT="ssh.service", SYSLOG_IDENTIFIER="sshd"), 1, "sshd: said"),
        (entry(SYSLOG_IDENTIFIER="kernel"), 1, "kernel: said"),
        (entry([110, 111, 255], _SYSTEMD_UNIT="ssh.service"), 1, "ssh.service: no\ufffd"),
    ],
)
def test_an_entry_goes_to_the_group_of_its_unit(given, group, text):
    assert journal.event(given, *GROUPS) == Event(GROUPS[group], 1700000000123, text)


@pytest.mark.parametrize("message", ["", "  \n", None])
def test_what_says_nothing_is_left_out(message):
    assert journal.event(entry(message), *GROUPS) is None


def test_a_message_is_cut_where_cloudwatch_would_refuse_it():
    event = journal.event(entry("ä" * journal.EVENT_BYTES), *GROUPS)
    assert journal.EVENT_BYTES - 2 <= event.size <= journal.EVENT_BYTES


def test_calls_are_of_one_group_in_order_and_within_the_limits():
    day = 86_400_000
    events = [Event("b", 5, "x"), Event("a", day + 2, "x"), Event("a", 3, "x"), Event("a", 1, "x")]
    calls = [[(each.group, each.timestamp) for each in portion] for portion in journal.calls(events)]
    assert calls == [[("a", 1), ("a", 3)], [("a", day + 2)], [("b", 5)]]
    large = [Event("a", 1, "x" * 200_000)] * 12
    assert [len(portion) for portion in journal.calls(large)] == [5, 5, 2]
    assert [len(portion) for portion in journal.calls([Event("a", 1, "x")] * 10_001)] == [10_000, 1]
    assert list(journal.calls([])) == []


def error(code):
    return type(code, (ClientError,), {})({"Error": {"Code": code, "Message": code}}, "PutLogEvents")


MISSING, THERE, INVALID = map(
    error, ("ResourceNotFoundException", "ResourceAlreadyExistsException", "InvalidParameterException")
)
AWAY = EndpointConnectionError(endpoint_url="https://logs")


class Client:
    exceptions = SimpleNamespace(
        **{type(each).__name__: type(each) for each in (MISSING, THERE, INVALID)},
    )

    def __init__(self, *answers, making=None):
        self.answers, self.making, self.calls = list(answers), making, []

    def put_log_events(self, **call):
        self.calls.append(call)
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    def create_log_stream(self, **call):
        self.calls.append(call)
        if self.making:
            raise self.making


PORTION = [Event("/stack/airflow", 1, "a"), Event("/stack/airflow", 2, "b")]


def test_a_portion_is_sent():
    client = Client({})
    journal.send(client, "host", PORTION)
    rows = [{"timestamp": 1, "message": "a"}, {"timestamp": 2, "message": "b"}]
    assert client.calls == [{"logGroupName": "/stack/airflow", "logStreamName": "host", "logEvents": rows}]


@pytest.mark.parametrize("making", [None, THERE])
def test_the_stream_is_made_where_it_is_missing(making):
    client = Client(MISSING, {}, making=making)
    journal.send(client, "host", PORTION)
    assert client.calls[1] == {"logGroupName": "/stack/airflow", "logStreamName": "host"}
    assert client.calls[2] == client.calls[0]


def test_it_waits_longer_and_longer_while_aws_is_away(capsys):
    pauses = []
    journal.send(Client(AWAY, error("ThrottlingException"), *[AWAY] * 6, {}), "host", PORTION, pauses.append)
    assert pauses == [1, 2, 4, 8, 16, 32, 60, 60]
    assert "next try in 2 s" in capsys.readouterr().err


def test_a_log_group_that_is_missing_is_waited_for(capsys):
    pauses = []
    journal.send(Client(MISSING, {}, making=MISSING), "host", PORTION, pauses.append)
    journal.send(Client(MISSING, MISSING, {}), "host", PORTION, pauses.append)
    assert pauses == [1, 1]
    assert "/stack/airflow" in capsys.readouterr().err


def test_what_can_never_be_taken_holds_up_nothing(capsys):
    journal.send(Client(INVALID), "host", PORTION)
    assert "2 entries are lost" in capsys.readouterr().err


def test_what_is_refused_is_told(capsys):
    journal.send(Client({"rejectedLogEventsInfo": {"tooOldLogEventEndIndex": 1}}), "host", PORTION)
    assert "refused" in capsys.readouterr().err


def shipped(lines, seconds=0):
    """What is sent and kept of lines that come so many seconds after one another."""
    sent, kept, now = [], [], [0]

    def come():
        for each in lines:
            yield each
            now[0] += seconds

    journal.ship(
        come(), GROUPS, lambda portion: sent.append([each.message for each in portion]), kept.append, lambda: now[0]
    )
    return sent, kept


def line(number, **fields):
    return json.dumps({**entry(f"m{number}", SYSLOG_IDENTIFIER="x", **fields), "__CURSOR": f"c{number}"}).encode()


def test_entries_are_sent_together_and_the_cursor_is_kept_after_them():
    lines = [line(1), line(2), None, None, line(3), None, None, None]
    assert shipped(lines, seconds=4) == ([["x: m1", "x: m2"], ["x: m3"]], ["c2", "c3"])


def test_a_full_batch_is_not_waited_with():
    big = "m" * (journal.EVENT_BYTES - 100)
    lines = [json.dumps({**entry(big), "__CURSOR": str(number)}).encode() for number in range(4)]
    sent, kept = shipped(lines)
    assert ([len(portion) for portion in sent], kept) == ([3], ["2"])


def test_entries_that_say_nothing_move_the_cursor():
    assert shipped([json.dumps(entry("")).encode(), None], seconds=20) == ([], ["c"])


def test_lines_come_whole_and_silence_is_told():
    script = "printf 'one\\ntw'; sleep 0.3; printf 'o\\n'"
    with subprocess.Popen(["sh", "-c", script], stdout=subprocess.PIPE) as process:
        lines = list(journal._lines(process.stdout.fileno(), 0.1))
    assert [each for each in lines if each] == [b"one", b"two"]
    assert None in lines
