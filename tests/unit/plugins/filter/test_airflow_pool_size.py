from ansible_collections.graviflow.airflow.plugins.filter.airflow_pool_size import airflow_pool_size


def test_the_pool_of_the_stacks_own_hosts_follows_from_their_options():
    assert (
        airflow_pool_size({"celery": {"worker_concurrency": 8}, "api": {"workers": 2}}, "3.3.2") == 2 * 15 + 3 * 4 + 2
    )
    assert airflow_pool_size({"celery": {"worker_concurrency": 8}, "webserver": {"workers": 2}}, "2.11.2") == 5 * 4 + 2
