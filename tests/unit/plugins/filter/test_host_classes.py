from ansible_collections.graviflow.airflow.plugins.filter.host_classes import host_classes

BIG = {"name": "big", "queues": ["big", "huge"], "instance_type": "r7g.xlarge"}


def test_a_group_runs_a_worker_of_its_own_size():
    assert host_classes([BIG]) == {
        "big": {"services": ["worker"], "worker": {"queues": ["big", "huge"], "concurrency": 32}}
    }


def test_its_pgbouncer_has_sessions_for_its_slots():
    assert host_classes([{**BIG, "concurrency": 8}], pgbouncer=True)["big"]["pgbouncer"] == {"pool_size": 2}
