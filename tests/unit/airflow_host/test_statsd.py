import pytest
from airflow_host import statsd
from airflow_host.statsd import Sample, Series, Store, parse, series

QUEUED = series("airflow.pool.queued_slots,pool_name=default_pool")
HEARTBEAT = series("airflow.scheduler_heartbeat")


def told(*lines):
    store = Store()
    for sample in parse("\n".join(lines)):
        store.add(sample)
    return store


def test_tags_are_labels_in_order_and_names_are_prometheuss():
    assert series("airflow.ti-x.finish,task_id=b.c,dag_id=a") == Series(
        "airflow_ti_x_finish", (("dag_id", "a"), ("task_id", "b.c"))
    )
    assert QUEUED.flat == "airflow_pool_queued_slots_default_pool"
    assert series("a,b=c d/e").flat == "a_c_d_e"


@pytest.mark.parametrize(
    ("line", "sample"),
    [
        ("a:1|c", Sample(Series("a"), "c", 1)),
        ("a:1|c|@0.5", Sample(Series("a"), "c", 2)),
        ("a:-1|c", Sample(Series("a"), "c", -1)),
        ("a:2.5|g", Sample(Series("a"), "g", 2.5)),
        ("a:+2|g", Sample(Series("a"), "g", 2, relative=True)),
        ("a:-2|g", Sample(Series("a"), "g", -2, relative=True)),
        ("a:12.5|ms", Sample(Series("a"), "ms", 12.5)),
    ],
)
def test_a_line_is_a_sample(line, sample):
    assert list(parse(line)) == [sample]


@pytest.mark.parametrize("line", ["", "a", "a:", "a:x|c", "a:1|q", ":1|c", "a:1|c|@x", "a:1|c|@0", "a:1"])
def test_what_is_no_sample_is_left_out(line):
    assert list(parse(f"{line}\nb:1|c")) == [Sample(Series("b"), "c", 1)]


@pytest.mark.parametrize(
    "name",
    [
        "dag.a.b.duration",
        "dag.a.b.queued_duration",
        "dag_processing.last_duration.file",
        "dag_processing.last_run.seconds_ago.file",
        "dagrun.duration.success.a",
        "dagrun.schedule_delay.a",
        "dagrun.a.first_task_scheduling_delay",
        "local_task_job.task_exit.1.a.b.0",
        "operator_failures_PythonOperator",
        "pool.open_slots.default_pool",
        "task_instance_created_PythonOperator",
        "ti.start.a.b",
        "ti.finish.a.b.success",
        "triggers.running.host",
    ],
)
def test_of_two_names_the_one_with_tags_is_kept(name):
    assert list(parse(f"airflow.{name}:1|c")) == []


@pytest.mark.parametrize(
    "name",
    [
        "dag.callback_exceptions",
        "dag_processing.import_errors",
        "dag_processing.last_duration,file_name=a.b",
        "dagrun.duration.success,dag_id=a.b",
        "operator_failures,operator=X",
        "pool.open_slots,pool_name=a.b",
        "scheduler_heartbeat",
        "ti.finish,dag_id=a.b,state=success,task_id=c",
        "triggers.running,hostname=ip-10-0-0-1.internal",
    ],
)
def test_the_others_are_taken(name):
    assert len(list(parse(f"airflow.{name}:1|c"))) == 1


def test_counters_add_up_gauges_are_set_and_timers_are_sums():
    store = told("c:1|c", "c:2|c", "g:5|g", "g:-2|g", "g:+1|g", "t:10|ms", "t:20|ms", "c,x=y:1|c")
    assert store.families() == {
        "c": ("c", [(Series("c"), 3, 0), (series("c,x=y"), 1, 0)]),
        "g": ("g", [(Series("g"), 4, 0)]),
        "t": ("ms", [(Series("t"), 30, 2)]),
    }


def test_what_is_taken_is_of_the_time_since_the_last():
    store = told("airflow.scheduler_heartbeat:1|c", "airflow.pool.queued_slots,pool_name=default_pool:7|g")
    wanted = [HEARTBEAT, QUEUED]
    assert store.take(wanted) == {"airflow_scheduler_heartbeat": 1, "airflow_pool_queued_slots_default_pool": 7}
    assert store.take(wanted) == {"airflow_scheduler_heartbeat": 0}, "silence of a counter is told, of a gauge not"
    assert Store().take(wanted) == {}


def test_a_series_is_found_by_the_labels_that_are_asked_for():
    store = told(
        "airflow.pool.queued_slots,pool_name=default_pool,team_name=t:7|g",
        "airflow.pool.queued_slots,pool_name=other:9|g",
    )
    assert store.take([QUEUED]) == {"airflow_pool_queued_slots_default_pool": 7}


def test_memory_is_bounded_and_a_name_has_one_kind(monkeypatch):
    monkeypatch.setattr(statsd, "MOST_SERIES", 2)
    store = told("a:1|c", "b:1|c", "c:1|c", "a:1|g", "a:1|c")
    assert store.families() == {"a": ("c", [(Series("a"), 2, 0)]), "b": ("c", [(Series("b"), 1, 0)])}
    assert store.left_out == 2
