"""Whether something listens."""

import socket


def answers(ip: str, port: int) -> bool:
    """Return whether a connection is accepted there within a second."""
    try:
        socket.create_connection((ip, port), 1).close()
    except OSError:
        return False
    return True
