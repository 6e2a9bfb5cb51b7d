import pytest
from ansible_collections.graviflow.airflow.plugins.module_utils.stack_rules import bastion, offload
from ansible_collections.graviflow.airflow.plugins.module_utils.stack_rules.problem import HIDDEN, Facts

STACK = {"stack_name": "demo", "stack_region": "us-east-1"}
TASK = {"image": "public.ecr.aws/docker/library/python:3.13-slim", "cpu": 256, "memory": 512}
SECRET = "arn:aws:secretsmanager:us-east-1:123456789012:secret:crunch-AbCdEf"


def found(partition="aws", **stack):
    rules = (*offload.RULES, *bastion.RULES)
    return [problem for rule in rules for problem in rule({**STACK, **stack}, Facts(partition=partition))]


def task(**changes):
    return {"offload_ecs": True, "offload_tasks": {"crunch": {**TASK, **changes}}}


GOOD = [
    {},
    task(),
    task(cpu="1024", memory="8192"),
    task(cpu=16384, memory=122880),
    task(command=["python", "-m", "crunch"], environment={"LIMIT": 10}),
    task(
        secrets={"TOKEN": SECRET, "KEY": f"{SECRET}:key::", "NAME": "arn:aws:ssm:us-east-1:123456789012:parameter/a/b"}
    ),
    task(image="123456789012.dkr.ecr.us-east-1.amazonaws.com/team/crunch:1"),
    {**task(), "offload_capacity_provider": "FARGATE_SPOT"},
    {**task(), "offload_mount_point": ""},
    {"offload_glue": True, "offload_glue_role": True, "offload_glue_policy_arns": ["arn:aws:iam::aws:policy/x"]},
    {"bastion_enabled": True, "bastion_instance_type": "t4g.micro", "bastion_volume_size": "30"},
]


@pytest.mark.parametrize("stack", GOOD)
def test_good_stacks_have_no_problem(stack):
    assert found(**stack) == []


BAD = [
    ({"offload_ecs": True}, "offload_tasks", "no task"),
    ({"offload_tasks": {"crunch": TASK}}, "offload_tasks", "offload_ecs is not true"),
    ({"offload_glue_role": True}, "offload_glue_role", "offload_glue is not true"),
    ({"offload_glue_policy_arns": ["arn:aws:iam::aws:policy/x"]}, "offload_glue_policy_arns", "there is not"),
    ({"offload_glue_jobs": ["*"]}, "offload_glue_jobs", "everybody"),
    ({"offload_ecs": True, "offload_tasks": {"Crunch_it": TASK}}, "offload_tasks.Crunch_it", "small letters"),
    ({"offload_ecs": True, "offload_tasks": {"crunch": "python"}}, "offload_tasks.crunch", "a dictionary"),
    (task(gpu=1), "offload_tasks.crunch.gpu", "image, cpu, memory"),
    (task(image=None), "offload_tasks.crunch.image", "runs an image"),
    (
        task(image="123456789012.dkr.ecr.cn-north-1.amazonaws.com.cn/team/crunch:1"),
        "offload_tasks.crunch.image",
        "another partition",
    ),
    (task(cpu=300), "offload_tasks.crunch.cpu", "256, 512"),
    (task(cpu=True), "offload_tasks.crunch.cpu", "256, 512"),
    (task(memory=8192), "offload_tasks.crunch.memory", "512 to 2048"),
    (task(memory=700), "offload_tasks.crunch.memory", "steps of 512"),
    (task(memory="half"), "offload_tasks.crunch.memory", "512 to 2048"),
    (task(command="python -m crunch"), "offload_tasks.crunch.command", "list of words"),
    (task(environment=["MODE"]), "offload_tasks.crunch.environment", "by name"),
    (task(environment={"1ST": "x"}), "offload_tasks.crunch.environment", "no digit first"),
    (task(environment={"A": 1}, secrets={"A": SECRET}), "offload_tasks.crunch.secrets.A", "once"),
    (task(secrets={"TOKEN": "hunter2"}), "offload_tasks.crunch.secrets.TOKEN", "not the ARN"),
    (task(secrets={"TOKEN": SECRET.replace("aws:", "aws-cn:", 1)}), "offload_tasks.crunch.secrets.TOKEN", "partition"),
    ({"offload_log_retention_days": 31}, "offload_log_retention_days", "30, 60"),
    ({"offload_directory": "/"}, "offload_directory", "DAGs of the hosts"),
    ({"offload_directory": "/a/b/c/d/e"}, "offload_directory", "four levels"),
    ({"offload_mount_point": "data"}, "offload_mount_point", "whole path"),
    ({"offload_mount_point": "/proc"}, "offload_mount_point", "not one of the system's"),
    ({"offload_user": {"uid": 0, "gid": 1000}}, "offload_user.uid", "administrator"),
    ({"offload_user": {"name": "airflow"}}, "offload_user.name", "a uid and a gid"),
    ({"offload_task_policy_arns": ["ReadBucket"]}, "offload_task_policy_arns", "ARN of a policy"),
    ({"offload_task_policy_arns": ["arn:aws-cn:iam::aws:policy/x"]}, "offload_task_policy_arns", "partition aws"),
    ({"offload_log_key_arn": "alias/logs"}, "offload_log_key_arn", "KMS key in us-east-1"),
    (
        {"offload_secret_key_arns": ["arn:aws:kms:eu-west-1:123456789012:key/1"]},
        "offload_secret_key_arns",
        "KMS key in us-east-1",
    ),
    ({"bastion_instance_type": "t3.nano"}, "bastion_instance_type", "Graviton"),
    ({"bastion_volume_size": 8}, "bastion_volume_size", "10 to 16384"),
    ({"bastion_volume_size": "large"}, "bastion_volume_size", "10 to 16384"),
    ({"bastion_key_arn": "alias/disks"}, "bastion_key_arn", "KMS key in us-east-1"),
]


@pytest.mark.parametrize(("stack", "variable", "words"), BAD)
def test_bad_stacks_are_told_value_rule_and_fix(stack, variable, words):
    [problem] = found(**stack)
    assert problem.variable == variable
    assert words in problem.rule
    assert problem.fix


def test_spare_capacity_for_arm64_is_not_to_be_had_in_china():
    [problem] = found(partition="aws-cn", offload_capacity_provider="FARGATE_SPOT")
    assert "X86_64 only" in problem.rule
    assert not found(partition="aws-cn", offload_capacity_provider="FARGATE_SPOT", offload_architecture="X86_64")


def test_a_secret_that_is_given_as_it_is_is_not_shown():
    [problem] = found(**task(secrets={"TOKEN": "hunter2"}))
    assert problem.value == HIDDEN
