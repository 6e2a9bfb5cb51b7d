"""What an ECS cluster is, and what it takes to change one. No AWS calls here."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ansible_collections.graviflow.airflow.plugins.module_utils.ecs_tags import tag_calls, tag_dict, tag_list
from ansible_collections.graviflow.airflow.plugins.module_utils.named_set import tags_after
from ansible_collections.graviflow.airflow.plugins.module_utils.reconcile import Call, Plan, Refusal, declared

INSIGHTS = "containerInsights"
PROVIDERS = ("capacity_providers", "default_capacity_provider_strategy")


def current_state(cluster: Mapping[str, Any] | None, tasks: Iterable[str]) -> dict[str, Any] | None:
    """Return a cluster as options, None for one that was deleted, which ECS goes on telling as INACTIVE."""
    if cluster is None or cluster["status"] == "INACTIVE":
        return None
    settings = {each["name"]: each["value"] for each in cluster.get("settings") or []}
    return {
        "name": cluster["clusterName"],
        "arn": cluster["clusterArn"],
        "status": cluster["status"],
        "container_insights": settings.get(INSIGHTS, "disabled"),
        "capacity_providers": sorted(cluster.get("capacityProviders") or []),
        "default_capacity_provider_strategy": strategy(
            {"capacity_provider": each["capacityProvider"], "weight": each.get("weight"), "base": each.get("base")}
            for each in cluster.get("defaultCapacityProviderStrategy") or []
        ),
        "tags": tag_dict(cluster.get("tags")),
        "tasks": sorted(tasks),
    }


def strategy(items: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return a strategy in a lasting order, with the zeroes that ECS reads into what is left out."""
    return sorted(
        (
            {
                "capacity_provider": each["capacity_provider"],
                "weight": each.get("weight") or 0,
                "base": each.get("base") or 0,
            }
            for each in items
        ),
        key=lambda each: each["capacity_provider"],
    )


def plan(wanted: Mapping[str, Any], current: Mapping[str, Any] | None) -> Plan:
    """Return what leads from `current` to `wanted` (module parameters). Raises Refusal for what ECS refuses."""
    if wanted["state"] == "absent":
        return _deletion(current)
    target = _normalised(wanted)
    if current is None:
        return Plan((Call("create_cluster", _creation(target)),), {**declared(target), "tags": target["tags"] or {}})
    identity = {"cluster": current["name"]}
    calls = []
    if target["container_insights"] not in (None, current["container_insights"]):
        calls.append(Call("update_cluster_settings", {**identity, "settings": _settings(target)}))
    providers = {key: current[key] if target[key] is None else target[key] for key in PROVIDERS}
    if any(providers[key] != current[key] for key in PROVIDERS):
        calls.append(Call("put_cluster_capacity_providers", {**identity, **_providers(providers)}))
    calls += tag_calls(current["arn"], target["tags"], current["tags"], purge=target["purge_tags"])
    tags = tags_after(target["tags"], current["tags"], purge=target["purge_tags"])
    options = {key: target[key] for key in ("container_insights", *PROVIDERS)}
    return Plan(tuple(calls), {**current, **declared({**options, "tags": tags})})


def _normalised(wanted: Mapping[str, Any]) -> dict[str, Any]:
    keys = ("name", "container_insights", *PROVIDERS, "tags", "purge_tags")
    target = {key: wanted.get(key) for key in keys}
    if target["capacity_providers"] is not None:
        target["capacity_providers"] = sorted(target["capacity_providers"])
    given = target["default_capacity_provider_strategy"]
    if given is not None:
        target["default_capacity_provider_strategy"] = strategy(given)
    for each in given or []:
        if each["capacity_provider"] not in (target["capacity_providers"] or []):
            raise Refusal(
                "default_capacity_provider_strategy",
                each["capacity_provider"],
                "A strategy is made of the cluster's capacity_providers.",
                "Name it there, too.",
            )
    return target


def _creation(target: Mapping[str, Any]) -> dict[str, Any]:
    arguments = {"clusterName": target["name"], **_providers(target)}
    if target["container_insights"] is not None:
        arguments["settings"] = _settings(target)
    return {**arguments, **({"tags": tag_list(target["tags"])} if target["tags"] else {})}


def _settings(target: Mapping[str, Any]) -> list[dict[str, str]]:
    return [{"name": INSIGHTS, "value": target["container_insights"]}]


def _providers(options: Mapping[str, Any]) -> dict[str, Any]:
    arguments: dict[str, Any] = {}
    if options["capacity_providers"] is not None:
        arguments["capacityProviders"] = options["capacity_providers"]
    if options["default_capacity_provider_strategy"] is not None:
        arguments["defaultCapacityProviderStrategy"] = [
            {"capacityProvider": each["capacity_provider"], "weight": each["weight"], "base": each["base"]}
            for each in options["default_capacity_provider_strategy"]
        ]
    return arguments


def _deletion(current: Mapping[str, Any] | None) -> Plan:
    if current is None or current["status"] == "DEPROVISIONING":
        return Plan()
    identity = {"cluster": current["name"]}
    reason = {"reason": "The cluster is being deleted."}
    stops = [Call("stop_task", {**identity, "task": task, **reason}) for task in current["tasks"]]
    return Plan((*stops, Call("delete_cluster", identity)))
