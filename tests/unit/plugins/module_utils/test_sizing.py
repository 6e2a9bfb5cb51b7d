import re
from pathlib import Path

import pytest
from ansible_collections.graviflow.airflow.plugins.module_utils import sizing
from ansible_collections.graviflow.airflow.plugins.module_utils.sizing import Size


@pytest.mark.parametrize(
    ("instance_type", "size"),
    [
        ("m7g.large", Size(2, 8)),
        ("c8gn.medium", Size(1, 2)),
        ("r7gd.xlarge", Size(4, 32)),
        ("x2gd.16xlarge", Size(64, 1024)),
        ("t4g.micro", Size(2, 1)),
        ("t4g.2xlarge", Size(8, 32)),
        ("db.m7g.large", Size(2, 8)),
        ("db.t4g.medium", Size(2, 4)),
        ("db.serverless", None),
        ("c7g.metal", None),
        ("t4g.nano", None),
        ("hpc7g.4xlarge", None),
    ],
)
def test_the_size_is_known_of_the_common_families(instance_type, size):
    assert sizing.size_of(instance_type) == size


@pytest.mark.parametrize(
    ("size", "slots"), [(Size(2, 2), 1), (Size(2, 4), 6), (Size(2, 8), 16), (Size(4, 8), 17), (Size(4, 16), 32)]
)
def test_slots_are_bounded_by_memory_and_processors(size, slots):
    assert sizing.task_slots(size) == slots


def test_one_dag_and_one_scheduler_can_fill_all_workers():
    options = sizing.airflow_options(Size(8, 32), 3, 3, {})
    assert options["celery"] == {"worker_concurrency": 64}
    assert options["core"] == {"default_pool_task_slot_count": 192, "max_active_tasks_per_dag": 192, "parallelism": 192}
    assert (options["api"], options["dag_processor"]) == ({"workers": 4}, {"parsing_processes": 4})


def test_small_stacks_keep_what_airflow_has_at_least():
    options = sizing.airflow_options(Size(2, 4), 1, 3, {})
    assert options["core"] == {"default_pool_task_slot_count": 128, "max_active_tasks_per_dag": 16, "parallelism": 32}


def test_the_users_slots_decide():
    options = sizing.airflow_options(Size(2, 8), 2, 3, {"celery": {"worker_concurrency": "40"}, "core": None})
    assert options["celery"] == {"worker_concurrency": 40}
    assert options["core"]["parallelism"] == 80


def test_airflow_2_has_other_names():
    options = sizing.airflow_options(Size(4, 16), 2, 2, {})
    assert (options["webserver"], options["scheduler"]) == ({"workers": 4}, {"parsing_processes": 2})
    assert not {"api", "dag_processor"} & {*options}


def test_connections_are_those_of_all_pools_and_tasks():
    # API server: two pools of fifteen; scheduler, DAG processor, triggerer: one each; a result for each of 16 tasks.
    assert sizing.connections(2, 3, {}) == 2 * (5 * 15 + 16)
    smaller = {
        "database": {"sql_alchemy_pool_size": 2, "sql_alchemy_max_overflow": 3},
        "celery": {"worker_concurrency": 4},
    }
    assert sizing.connections(1, 3, smaller) == 5 * 5 + 4
    assert sizing.connections(1, 2, {"webserver": {"workers": 2}}) == 5 * 15 + 3 * 16
    larger = {"database": {"sql_alchemy_max_overflow": 37}, "api": {"workers": 2}}
    assert sizing.connections(1, 3, larger) == 2 * 42 + 5 * 15 + 16


def test_a_process_of_the_api_server_has_a_connection_for_each_request():
    def overflow(major, given):
        return sizing.airflow_options(Size(2, 8), 2, major, given).get("database")

    assert overflow(3, {}) == {"sql_alchemy_max_overflow": 45}
    assert overflow(3, {"database": {"sql_alchemy_pool_size": 20}}) == {"sql_alchemy_max_overflow": 30}
    assert overflow(3, {"database": {"sql_alchemy_pool_size": 50}}) == {"sql_alchemy_max_overflow": 10}
    assert overflow(2, {}) is None


BIG = [{"name": "big", "queues": ["big", "huge"], "instance_type": "r7g.xlarge", "hosts": 1, "max_hosts": 3}]


def test_groups_of_workers_have_slots_by_their_type_unless_they_are_given():
    assert sizing.worker_groups(BIG) == [sizing.WorkerGroup("big", ["big", "huge"], 32, 3)]
    assert sizing.worker_groups([{**BIG[0], "concurrency": 4, "max_hosts": 1}])[0].slots == 4
    unknown = {"name": "small", "queues": ["small"], "instance_type": "a1.medium"}
    assert sizing.worker_groups([unknown]) == [sizing.WorkerGroup("small", ["small"], 16, 1)]


def test_limits_count_the_slots_of_all_groups():
    options = sizing.airflow_options(Size(2, 8), 2, 3, {}, sizing.worker_groups(BIG))
    assert options["core"]["parallelism"] == 2 * 16 + 3 * 32
    assert options["celery"] == {"worker_concurrency": 16}


def test_a_pool_has_sessions_for_its_processes_and_slots():
    options = sizing.airflow_options(Size(2, 8), 2, 3, {})
    assert (sizing.pool_size(3, options), sizing.least_pool_size(3, options)) == (50 + 3 * 4 + 4, 2 * 4)
    assert sizing.pool_size(2, {}) == 4 * 7 + 4
    assert [sizing.worker_pool_size(slots) for slots in (1, 4, 32)] == [1, 1, 8]


def test_what_a_database_takes_follows_from_its_memory():
    assert sizing.max_connections(Size(2, 8)) == 811
    assert sizing.max_connections(Size(64, 1024)) == sizing.MOST_CONNECTIONS
    assert [sizing.memory_for(needed) for needed in (100, 102, 812, 9999)] == [1, 2, 16, 64]


ROWS = re.findall(r"^\| (\w+\.\w+) \|(.*)\|$", (Path(__file__).parents[4] / "docs/configuration.md").read_text(), re.M)


@pytest.mark.parametrize(("instance_type", "cells"), ROWS)
def test_the_table_of_the_documentation_is_right(instance_type, cells):
    size = sizing.size_of(instance_type)
    options = sizing.airflow_options(size, 2, 3, {})
    numbers = [options["celery"]["worker_concurrency"], options["core"]["parallelism"]]
    numbers += [options["core"]["max_active_tasks_per_dag"], options["api"]["workers"]]
    numbers += [options["dag_processor"]["parsing_processes"], sizing.connections(2, 3, options)]
    wanted = [f"{size.vcpus}, {size.memory} GiB", *map(str, numbers)]
    assert [cell.strip() for cell in cells.split("|")] == wanted


def test_the_documentation_has_a_table():
    assert len(ROWS) > 5
