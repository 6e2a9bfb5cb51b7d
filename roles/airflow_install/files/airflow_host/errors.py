"""The one error that ends a command with a message instead of a traceback."""


class HostError(Exception):
    """The host cannot go on; the message says what is missing and where."""
