from airflow_host import metrics


def test_airflow_is_one_and_a_host_is_itself_and_one_of_all():
    rows = metrics.metric_data({"airflow_x": 3}, {"host_cpu_used_percent": 50}, "ip-10-0-0-1")
    whole = {"MetricName": "host_cpu_used_percent", "Value": 50, "Unit": "Percent"}
    assert rows == [
        {"MetricName": "airflow_x", "Value": 3},
        whole,
        {**whole, "Dimensions": [{"Name": "Host", "Value": "ip-10-0-0-1"}]},
    ]
