"""Rules about what is handed to ECS and Glue."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from ansible_collections.graviflow.airflow.plugins.module_utils.log_groups import RETENTION_DAYS
from ansible_collections.graviflow.airflow.plugins.module_utils.stack_rules.problem import HIDDEN, Facts, Problem

# Units of CPU -> the least and the most MiB, and the step: what Fargate offers.
SIZES = {
    256: (512, 2048, 512),
    512: (1024, 4096, 1024),
    1024: (2048, 8192, 1024),
    2048: (4096, 16384, 1024),
    4096: (8192, 30720, 1024),
    8192: (16384, 61440, 4096),
    16384: (32768, 122880, 8192),
}
LARGEST_ID = 4294967295  # of POSIX users, as EFS takes them
NAME = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
LONGEST_NAME = 64
KEYS = ("image", "cpu", "memory", "command", "environment", "secrets")
VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
REPOSITORY = re.compile(r"\d{12}\.dkr\.ecr\.(?P<region>[a-z0-9-]+)\.amazonaws\.com(?P<china>\.cn)?/.+")
SECRET = re.compile(
    r"arn:(?P<partition>aws[a-z-]*):(secretsmanager|ssm):(?P<region>[a-z0-9-]+):\d{12}:(secret:[^:]+|parameter/.+).*"
)
POLICY = re.compile(r"arn:(?P<partition>aws[a-z-]*):iam::(aws|\d{12}):policy/.+")
KEY = re.compile(r"arn:(?P<partition>aws[a-z-]*):kms:(?P<region>[a-z0-9-]+):\d{12}:key/.+")
FOLDER = re.compile(r"(/[A-Za-z0-9._-]+){1,4}")


def switches(stack: Mapping[str, Any], facts: Facts) -> Iterator[Problem]:
    """What is declared is used, and what is switched on has something to do."""
    ecs, glue = stack.get("offload_ecs"), stack.get("offload_glue")
    if ecs and not stack.get("offload_tasks"):
        rule = "offload_ecs is true, and there is no task that the cluster could run."
        yield Problem("offload_tasks", stack.get("offload_tasks"), rule, "Declare one, or say offload_ecs: false.")
    if stack.get("offload_tasks") and not ecs:
        rule = "Nothing would run them: offload_ecs is not true."
        yield Problem(
            "offload_tasks", sorted(stack["offload_tasks"]), rule, "Say offload_ecs: true, or leave them out."
        )
    if stack.get("offload_glue_role") and not glue:
        rule = "No job would have it: offload_glue is not true."
        yield Problem("offload_glue_role", True, rule, "Say offload_glue: true, or leave it out.")
    if stack.get("offload_glue_policy_arns") and not stack.get("offload_glue_role"):
        rule = "They are the policies of a role that there is not."
        fix = "Say offload_glue_role: true, or leave them out."
        yield Problem("offload_glue_policy_arns", stack["offload_glue_policy_arns"], rule, fix)
    for job in stack.get("offload_glue_jobs") or []:
        if str(job).startswith("*"):
            rule = "Hosts could run the jobs of everybody in this account."
            yield Problem("offload_glue_jobs", job, rule, f"Name them, for example {stack['stack_name']}-*.")


def tasks(stack: Mapping[str, Any], facts: Facts) -> Iterator[Problem]:
    """ECS can register every task, and Fargate can run it."""
    for name, task in (stack.get("offload_tasks") or {}).items():
        variable = f"offload_tasks.{name}"
        if not NAME.fullmatch(str(name)) or len(str(name)) > LONGEST_NAME:
            rule = f"A name has small letters, digits and single hyphens, {LONGEST_NAME} at most."
            yield Problem(variable, name, rule, "Use one like crunch-numbers.")
        if not isinstance(task, Mapping):
            yield Problem(variable, task, "A task is a dictionary.", "Write it as {image: ..., cpu: 256, memory: 512}.")
            continue
        for key in task:
            if key not in KEYS:
                yield Problem(f"{variable}.{key}", HIDDEN, f"A task has {', '.join(KEYS)}.", "Correct the key.")
        yield from _image(stack, facts, variable, task.get("image"))
        yield from _size(variable, task.get("cpu"), task.get("memory"))
        yield from _container(stack, facts, variable, task)


def _image(stack: Mapping[str, Any], facts: Facts, variable: str, image: Any) -> Iterator[Problem]:
    if not isinstance(image, str) or not re.fullmatch(r"\S+", image):
        yield Problem(f"{variable}.image", image, "A task runs an image.", "Name it as in docker pull.")
        return
    match = REPOSITORY.fullmatch(image)
    if match and facts.partition and bool(match["china"]) != (facts.partition == "aws-cn"):
        rule = f"It is in another partition than the stack, {facts.partition}, and roles end where a partition does."
        yield Problem(f"{variable}.image", image, rule, f"Push it to a repository in {stack['stack_region']}.")


def _size(variable: str, cpu: Any, memory: Any) -> Iterator[Problem]:
    units, size = _whole(cpu), _whole(memory)
    if units not in SIZES:
        rule = f"Fargate has {', '.join(map(str, SIZES))} units of CPU, 1024 to a vCPU."
        yield Problem(f"{variable}.cpu", cpu, rule, "Use one of these numbers.")
        return
    least, most, step = SIZES[units]
    if size is None or not least <= size <= most or (size % step and size != least):
        rule = f"With {units} units of CPU Fargate has {least} to {most} MiB, in steps of {step}."
        yield Problem(f"{variable}.memory", memory, rule, f"Use {least}, for example.")


def _container(stack: Mapping[str, Any], facts: Facts, variable: str, task: Mapping[str, Any]) -> Iterator[Problem]:
    command, environment, secrets = task.get("command") or [], task.get("environment") or {}, task.get("secrets") or {}
    if not isinstance(command, list | tuple):
        yield Problem(
            f"{variable}.command", command, "A command is a list of words.", "Write it as [python, -m, crunch]."
        )
    for key, given in (("environment", environment), ("secrets", secrets)):
        if not isinstance(given, Mapping):
            yield Problem(f"{variable}.{key}", HIDDEN, "It is a dictionary by name.", "Write it as {MODE: fast}.")
            return
        for name in given:
            if not VARIABLE.fullmatch(str(name)):
                rule = "The name of a variable has letters, digits and underscores, and no digit first."
                yield Problem(f"{variable}.{key}", name, rule, "Correct it.")
    for name in sorted({*map(str, environment)} & {*map(str, secrets)}):
        rule = "ECS takes a name once, as a variable or as a secret."
        yield Problem(f"{variable}.secrets.{name}", HIDDEN, rule, "Take it out of environment.")
    for name, arn in secrets.items():
        match = SECRET.fullmatch(str(arn))
        if not match:
            # It may be the secret itself.
            rule = "It is not the ARN of a secret or a parameter, from which ECS reads it when a task starts."
            yield Problem(
                f"{variable}.secrets.{name}", HIDDEN, rule, "Give the ARN; what is not secret is environment."
            )
        elif match["partition"] != (facts.partition or match["partition"]):
            rule = f"It is in another partition than the stack, {facts.partition}."
            yield Problem(f"{variable}.secrets.{name}", arn, rule, f"Keep it in {stack['stack_region']}, too.")


def options(stack: Mapping[str, Any], facts: Facts) -> Iterator[Problem]:
    """What tasks print is kept for as long as can be told, and what they run on is to be had."""
    days = stack.get("offload_log_retention_days")
    if days is not None and _whole(days) not in RETENTION_DAYS:
        rule = f"CloudWatch Logs keeps for {', '.join(map(str, RETENTION_DAYS))} days."
        yield Problem("offload_log_retention_days", days, rule, "Use one of these numbers.")
    if (
        facts.partition == "aws-cn"
        and stack.get("offload_capacity_provider") == "FARGATE_SPOT"
        and stack.get("offload_architecture", "ARM64") == "ARM64"
    ):
        rule = "In AWS China Fargate Spot runs X86_64 only, by its documentation."
        fix = "Use FARGATE, or images for X86_64 and offload_architecture: X86_64."
        yield Problem("offload_capacity_provider", "FARGATE_SPOT", rule, fix)


def storage(stack: Mapping[str, Any], facts: Facts) -> Iterator[Problem]:
    """Tasks see a part of the shared storage, under a user of their own."""
    directory, point = stack.get("offload_directory"), stack.get("offload_mount_point")
    if directory is not None and not FOLDER.fullmatch(str(directory)):
        rule = (
            "EFS makes a folder of up to four levels, and tasks that see its root could change the DAGs of the hosts."
        )
        yield Problem("offload_directory", directory, rule, "Use one like /offload.")
    if point and (not str(point).startswith("/") or str(point).rstrip("/") in ("", "/proc", "/sys", "/dev")):
        rule = "It is a folder of the container, by its whole path, and not one of the system's."
        yield Problem("offload_mount_point", point, rule, "Use one like /mnt/airflow.")
    for key, number in (stack.get("offload_user") or {}).items():
        if key not in ("uid", "gid") or _whole(number) is None or not 1 <= _whole(number) <= LARGEST_ID:
            rule = (
                f"A user is a uid and a gid, 1 to {LARGEST_ID}: the shared storage would take 0 for its administrator."
            )
            yield Problem(f"offload_user.{key}", number, rule, "Use {uid: 1000, gid: 1000}, for example.")


def arns(stack: Mapping[str, Any], facts: Facts) -> Iterator[Problem]:
    """Policies and keys are of the stack's partition, keys of its region."""
    for variable in ("offload_task_policy_arns", "offload_glue_policy_arns"):
        for arn in stack.get(variable) or []:
            match = POLICY.fullmatch(str(arn))
            if not match or match["partition"] != (facts.partition or match["partition"]):
                rule = f"It is not the ARN of a policy in partition {facts.partition}."
                yield Problem(variable, arn, rule, f"Use one like arn:{facts.partition}:iam::123456789012:policy/name.")
    for variable in ("offload_log_key_arn", "offload_secret_key_arns"):
        given = stack.get(variable) or []
        for arn in [given] if isinstance(given, str) else given:
            match = KEY.fullmatch(str(arn))
            if not match or match["region"] != stack["stack_region"]:
                rule = f"It is not the ARN of a KMS key in {stack['stack_region']}."
                yield Problem(variable, arn, rule, "Copy the key's ARN, not that of an alias, from the stack's region.")


def _whole(value: Any) -> int | None:
    """Return a whole number that is given as a number or as a text, None for everything else."""
    return int(value) if not isinstance(value, bool) and re.fullmatch(r"\d{1,12}", str(value)) else None


RULES = (switches, tasks, options, storage, arns)
