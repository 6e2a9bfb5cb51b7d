"""What DAGs say."""

GREETING = "hello from the submodule"
