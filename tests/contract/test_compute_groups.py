"""What removes Auto Scaling groups finds them by the stack's tag: names of two stacks can begin alike."""

from pathlib import Path

import pytest
import yaml

TASKS = Path(__file__).parents[2] / "roles/compute/tasks"
FIND = "amazon.aws.autoscaling_group_info"


@pytest.mark.parametrize("file", ["absent", "worker_groups"])
def test_groups_of_another_stack_are_not_found(file):
    (found,) = [task[FIND] for task in yaml.safe_load((TASKS / f"{file}.yml").read_text()) if FIND in task]
    assert found["tags"] == {"graviflow:stack": "{{ stack_name }}"}
