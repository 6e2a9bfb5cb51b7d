"""Rules about queues and the hosts that take from them."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from ansible_collections.graviflow.airflow.plugins.module_utils.stack_rules import hosts
from ansible_collections.graviflow.airflow.plugins.module_utils.stack_rules.problem import Facts, Problem

VARIABLE = "compute_worker_groups"
NAME = re.compile(r"[a-z][a-z0-9-]{0,15}")
# What a unit's environment and Celery's list of queues take as one word.
QUEUE = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")


def groups(stack: Mapping[str, Any], facts: Facts) -> Iterator[Problem]:
    """A group has a name of its own, hosts of Graviton, and takes from queues."""
    given = stack.get(VARIABLE) or []
    for name, count in Counter(str(group.get("name")) for group in given).items():
        if not NAME.fullmatch(name):
            rule = "Hosts are named after it: a lower case letter, then up to 15 of them, digits and hyphens."
            yield Problem(f"{VARIABLE}.name", name, rule, "Use a name like big.")
        elif name == "host" or name.startswith("worker-"):
            rule = f"A stack named {stack['stack_name']}-worker would call hosts of its own so."
            yield Problem(f"{VARIABLE}.name", name, rule, "Use a name like big.")
        elif count > 1:
            yield Problem(f"{VARIABLE}.name", name, "Two groups have this name.", "Name one of them otherwise.")
    for group in given:
        variable = f"{VARIABLE}.{group.get('name')}"
        if not group.get("queues"):
            rule = "A worker without a queue takes no tasks."
            yield Problem(f"{variable}.queues", group.get("queues"), rule, "Name one, or take the group out.")
        if not hosts.GRAVITON.fullmatch(str(group.get("instance_type"))):
            rule = "The image is for arm64, and this is no instance type of Graviton."
            yield Problem(f"{variable}.instance_type", group.get("instance_type"), rule, "Use one like r7g.xlarge.")
        if (least := int(group.get("hosts", 1))) < 0:
            yield Problem(f"{variable}.hosts", least, "It is a number of hosts.", "Use 0 or more.")
        if int(group.get("max_hosts", least)) < least:
            rule = f"There are to be {least} hosts, and at most fewer."
            yield Problem(f"{variable}.max_hosts", group["max_hosts"], rule, f"Use {least} or more, or leave it out.")
        if int(group.get("concurrency", 1)) < 1:
            rule = "A worker without a slot takes no tasks."
            yield Problem(f"{variable}.concurrency", group["concurrency"], rule, "Use 1 or more, or leave it out.")


def queues(stack: Mapping[str, Any], facts: Facts) -> Iterator[Problem]:
    """Each queue is taken from by one class of hosts, the one of tasks that name no queue, too."""
    own = stack.get("stack_document_worker_queues", ["default"])
    if not own:
        rule = "The stack's own hosts run a worker, and one without a queue takes no tasks."
        yield Problem("stack_document_worker_queues", own, rule, "Name one, like default.")
    taken = {"stack_document_worker_queues": own}
    for group in stack.get(VARIABLE) or []:
        taken[f"{VARIABLE}.{group.get('name')}.queues"] = group.get("queues") or []
    seen: dict[str, str] = {}
    for variable, names in taken.items():
        for name in map(str, names):
            if not QUEUE.fullmatch(name):
                rule = "A queue's name has up to 64 letters, digits and . _ -, and begins with a letter or digit."
                yield Problem(variable, name, rule, "Correct the name, here and in the DAGs.")
            elif name in seen:
                rule = f"{seen[name]} has it already: a task would run on hosts of either size, by chance."
                yield Problem(variable, name, rule, "Leave it in one place.")
            seen.setdefault(name, variable)
    options = (stack.get("airflow_config") or {}).get("operators")
    given = options.get("default_queue") if isinstance(options, Mapping) else None
    default = str(given or "default")
    if default not in seen:
        rule = f"Tasks that name no queue go to {default}, and no worker takes from it."
        fix = "Add it, or set airflow_config.operators.default_queue to one of these."
        yield Problem("stack_document_worker_queues", own, rule, fix)


RULES = (groups, queues)
