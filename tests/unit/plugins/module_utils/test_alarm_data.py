from ansible_collections.graviflow.airflow.plugins.module_utils.alarm_data import stack_alarms, stack_dashboard

SUBJECTS = {
    "database": {"namespace": "AWS/RDS", "dimensions": [{"DBInstanceIdentifier": "demo"}]},
    "broker": {
        "namespace": "AWS/ElastiCache",
        "dimensions": [{"CacheClusterId": "demo-001"}, {"CacheClusterId": "demo-002"}],
    },
}
BASE = {
    "statistic": "Maximum",
    "period": 60,
    "evaluation_periods": 5,
    "comparison": ">=",
    "threshold": 80,
    "missing": "breaching",
    "why": "It is busy.",
    "remedy": "Take a larger one.",
}
CATALOGUE = {
    "cpu": {**BASE, "subject": "database", "metric": "CPUUtilization"},
    "lag": {**BASE, "subject": "database", "metric": "ReplicaLag", "needs": ["standby"]},
    "memory": {**BASE, "subject": "broker", "metric": "Memory"},
}


def made(features=(), overrides=None, catalogue=CATALOGUE):
    return {
        each["name"]: each for each in stack_alarms(catalogue, SUBJECTS, features, overrides, {"alarm_actions": ["t"]})
    }


def test_an_alarm_over_one_thing_watches_its_metric():
    assert made()["cpu"] == {
        "name": "cpu",
        "description": "It is busy. Take a larger one.",
        "namespace": "AWS/RDS",
        "metric_name": "CPUUtilization",
        "dimensions": {"DBInstanceIdentifier": "demo"},
        "statistic": "Maximum",
        "period": 60,
        "comparison_operator": "GreaterThanOrEqualToThreshold",
        "threshold": 80,
        "evaluation_periods": 5,
        "datapoints_to_alarm": 5,
        "treat_missing_data": "breaching",
        "alarm_actions": ["t"],
    }


def test_an_alarm_over_several_things_watches_the_worst():
    watched, first, second = made()["memory"]["metrics"]
    assert watched == {"id": "watched", "expression": "MAX(METRICS())", "return_data": True}
    assert (first["id"], second["dimensions"]) == ("m1", {"CacheClusterId": "demo-002"})
    low = {"free": {**CATALOGUE["memory"], "comparison": "<"}}
    assert made(catalogue=low)["free"]["metrics"][0]["expression"] == "MIN(METRICS())"


def test_an_expression_has_its_metrics_by_name():
    shrunk = {**BASE, "subject": "database", "expression": "a - b", "metrics": {"a": "Wanted", "b": "There"}}
    watched, a, b = made(catalogue={"shrunk": shrunk})["shrunk"]["metrics"]
    assert watched["expression"] == "a - b"
    assert [(each["id"], each["metric_name"]) for each in (a, b)] == [("a", "Wanted"), ("b", "There")]


def test_what_the_stack_lacks_is_not_watched():
    assert list(made()) == ["cpu", "memory"]
    assert list(made(["standby", "other"])) == ["cpu", "lag", "memory"]


def test_overrides():
    changed = made(overrides={"cpu": {"threshold": 90, "evaluation_periods": 3}, "memory": {"enabled": False}})
    assert list(changed) == ["cpu"]
    assert [changed["cpu"][key] for key in ("threshold", "evaluation_periods", "datapoints_to_alarm")] == [90, 3, 3]


def test_what_the_stack_did_not_make_is_not_watched():
    broker = {"broker": SUBJECTS["broker"]}
    assert [each["name"] for each in stack_alarms(CATALOGUE, broker, ["standby"])] == ["memory"]
    assert stack_dashboard(SECTIONS, {}, ["standby"], [], [], "cn-north-1") == {"widgets": []}


def test_silence_is_told_where_it_means_something():
    [alarm] = stack_alarms(
        {"beat": {**BASE, "subject": "database", "metric": "Beat", "tells_silence": True}},
        SUBJECTS,
        [],
        actions={"alarm_actions": ["t"]},
    )
    assert alarm["insufficient_data_actions"] == ["t"]


SECTIONS = [
    {
        "title": "Stores",
        "widgets": [
            {
                "title": "CPU",
                "subject": "database",
                "metrics": ["CPUUtilization"],
                "statistic": "Maximum",
                "thresholds": ["cpu", "gone"],
            },
            {"title": "Lag", "subject": "database", "metrics": ["L"], "statistic": "Sum", "needs": ["standby"]},
            {"title": "Memory", "subject": "broker", "metrics": ["Memory"], "statistic": "Maximum", "period": 300},
        ],
    }
]


def body(features=(), arns=("arn:cpu",)):
    return stack_dashboard(SECTIONS, SUBJECTS, features, made().values(), arns, "cn-north-1")["widgets"]


def test_dashboard_begins_with_the_alarms():
    assert body()[0] == {
        "type": "alarm",
        "x": 0,
        "y": 0,
        "width": 24,
        "height": 3,
        "properties": {"title": "Alarms", "alarms": ["arn:cpu"]},
    }
    assert body(arns=())[0]["type"] == "text"


def test_graphs_have_the_region_every_thing_and_the_thresholds_that_hold():
    cpu, memory = (each["properties"] for each in body()[2:])
    assert cpu["metrics"] == [["AWS/RDS", "CPUUtilization", "DBInstanceIdentifier", "demo"]]
    assert cpu["annotations"] == {"horizontal": [{"label": "cpu", "value": 80}]}
    assert (cpu["region"], cpu["period"], memory["period"]) == ("cn-north-1", 60, 300)
    assert len(memory["metrics"]) == 2
    assert "annotations" not in memory


def test_widgets_do_not_overlap():
    places = [(each["x"], each["y"], each["width"], each["height"]) for each in body(["standby"])]
    assert places == [(0, 0, 24, 3), (0, 3, 24, 1), (0, 4, 8, 6), (8, 4, 8, 6), (16, 4, 8, 6)]
