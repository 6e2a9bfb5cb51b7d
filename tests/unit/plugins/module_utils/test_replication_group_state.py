from ansible_collections.graviflow.airflow.plugins.module_utils.replication_group_state import current_state

GROUP = {
    "ReplicationGroupId": "demo",
    "ARN": "arn:demo",
    "Status": "available",
    "Description": "d",
    "MemberClusters": ["demo-001", "demo-002"],
    "NodeGroups": [
        {
            "PrimaryEndpoint": {"Address": "master", "Port": 6379},
            "ReaderEndpoint": {"Address": "replica", "Port": 6379},
            "NodeGroupMembers": [
                {"CacheClusterId": "demo-001", "PreferredAvailabilityZone": "a", "CurrentRole": "primary"},
                {"CacheClusterId": "demo-002", "PreferredAvailabilityZone": "b", "CurrentRole": "replica"},
            ],
        }
    ],
    "AutomaticFailover": "enabling",
    "MultiAZ": "enabled",
    "CacheNodeType": "cache.m7g.large",
    "PendingModifiedValues": {"AutomaticFailoverStatus": "disabled"},
    "LogDeliveryConfigurations": [
        {
            "LogType": "slow-log",
            "DestinationType": "cloudwatch-logs",
            "DestinationDetails": {"CloudWatchLogsDetails": {"LogGroup": "g"}},
            "LogFormat": "json",
            "Status": "active",
        },
        {"LogType": "engine-log", "DestinationType": "cloudwatch-logs", "LogFormat": "json", "Status": "disabling"},
    ],
}
MEMBER = {
    "Engine": "redis",
    "EngineVersion": "7.0.7",
    "CacheNodeType": "cache.m7g.large",
    "CacheParameterGroup": {"CacheParameterGroupName": "p"},
    "SecurityGroups": [{"SecurityGroupId": "sg-2"}, {"SecurityGroupId": "sg-1"}],
    "PendingModifiedValues": {"EngineVersion": "7.1.0", "CacheNodeType": "cache.r7g.large"},
}


def test_reads_the_group_and_its_member():
    state = current_state(GROUP, MEMBER, {"a": "1"})
    expected = {
        "engine_version": "7.0.7",
        "node_type": "cache.m7g.large",
        "num_cache_clusters": 2,
        "port": 6379,
        "parameter_group": "p",
        "security_group_ids": ["sg-1", "sg-2"],
        "automatic_failover_enabled": True,
        "multi_az_enabled": True,
        "primary_endpoint": {"address": "master", "port": 6379},
        "reader_endpoint": {"address": "replica", "port": 6379},
        "tags": {"a": "1"},
    }
    assert {key: state[key] for key in expected} == expected
    assert [member["role"] for member in state["members"]] == ["primary", "replica"]
    assert state["log_delivery"] == [
        {"log_type": "slow-log", "destination_type": "cloudwatch-logs", "destination": "g", "log_format": "json"}
    ]


def test_what_waits_for_the_maintenance_window_counts_when_asked():
    state = current_state(GROUP, MEMBER, None, pending=True)
    pending = {"engine_version": "7.1.0", "node_type": "cache.r7g.large", "automatic_failover_enabled": False}
    assert {key: state[key] for key in pending} == pending


def test_a_group_that_is_being_created_tells_little():
    state = current_state({"ReplicationGroupId": "demo", "Status": "creating"}, {}, None)
    assert {key for key, value in state.items() if value not in (None, [])} == {"name", "status"}
