"""Hands a task to ECS: the container runs on Fargate, and what it prints is shown here when it ends.

Where it runs is not said here. The stack does, in the Airflow variable `offload`; with offload_tasks.crunch declared,
this DAG needs nothing but to be delivered.
"""

from datetime import timedelta

from airflow.providers.amazon.aws.operators.ecs import EcsRunTaskOperator
from airflow.sdk import dag


# With native rendering a template of a list is a list.
@dag(schedule=None, tags=["example"], render_template_as_native_obj=True)
def offload_crunch() -> None:
    """Runs the task definition `crunch` with a command of the DAG's own."""
    EcsRunTaskOperator(
        task_id="crunch",
        cluster="{{ var.json.offload.cluster }}",
        task_definition="{{ var.json.offload.tasks.crunch }}",
        capacity_provider_strategy=[{"capacityProvider": "{{ var.json.offload.capacity_provider }}", "weight": 1}],
        network_configuration={
            "awsvpcConfiguration": {
                "subnets": "{{ var.json.offload.subnets }}",
                "securityGroups": "{{ var.json.offload.security_groups }}",
                "assignPublicIp": "DISABLED",
            }
        },
        overrides={
            "containerOverrides": [
                {"name": "crunch", "command": ["python", "-c", "print('{{ run_id }} crunched')"]},
            ]
        },
        awslogs_group="{{ var.json.offload.log_group }}",
        awslogs_stream_prefix="crunch",
        container_name="crunch",
        awslogs_fetch_interval=timedelta(seconds=5),
        # A worker that was restarted finds the container that it started, and starts no second one.
        reattach=True,
        retries=1,
    )


offload_crunch()
