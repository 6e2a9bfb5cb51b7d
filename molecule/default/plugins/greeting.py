"""A plugin with a macro."""

from airflow.plugins_manager import AirflowPlugin


def greet(name: str) -> str:
    """Return a greeting."""
    return f"hello {name}"


class Greeting(AirflowPlugin):
    """Gives templates the macro `greet`."""

    name = "greeting"
    macros = (greet,)
