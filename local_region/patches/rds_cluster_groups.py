"""RDS: parameter groups of clusters."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from moto.core.responses import ActionResult
from moto.rds import exceptions, models
from moto.rds.responses import RDSResponse

from local_region.patches._edges import ask
from local_region.patches._rds import POSTGRES, Request, described, families, refuse_unknown
from local_region.patches._tools import replace
from local_region.patches.rds_catalogue import page

if TYPE_CHECKING:
    from local_region.region import Region


def apply(_region: Region) -> None:
    """Patch moto's cluster parameter groups."""

    @replace(models.RDSBackend, "describe_db_cluster_parameter_groups")
    def describe(original: Any, backend: Any, group_name: Any) -> Any:
        """Gap: the families' default groups do not exist."""
        for default in (each for each in families() if each.startswith(POSTGRES)):
            if f"default.{default}" not in backend.db_cluster_parameter_groups:
                backend.db_cluster_parameter_groups[f"default.{default}"] = models.DBClusterParameterGroup(
                    backend=backend,
                    db_cluster_parameter_group_name=f"default.{default}",
                    db_parameter_group_family=default,
                    description=f"Default cluster parameter group for {default}",
                )
        return original(group_name)

    @replace(RDSResponse, "describe_db_cluster_parameters")
    def describe_parameters(original: Any, response: Any) -> ActionResult:
        """Gap: only what was set is listed; rds_cluster_param_group then calls every parameter unknown."""
        name, source = response.params["DBClusterParameterGroupName"], response.params.get("Source")
        group = response.backend.describe_db_cluster_parameter_groups(name)[0]
        if group.db_parameter_group_family not in families():
            return original()
        return page(response, "Parameters", [entry for entry in described(group) if source in (None, entry["Source"])])

    @replace(RDSResponse, "modify_db_cluster_parameter_group")
    def modify(original: Any, response: Any) -> ActionResult:
        """Gap: unknown parameters are taken; and clusters must be told."""
        name = response.params["DBClusterParameterGroupName"]
        group = response.backend.db_cluster_parameter_groups.get(name)
        if group is not None and group.db_parameter_group_family in families():
            refuse_unknown(group.db_parameter_group_family, response.params.get("Parameters", []))
        result = original()
        for cluster in response.backend.clusters.values():
            if cluster.parameter_group == name and hasattr(cluster, "ready_at") and cluster.status == "available":
                ask(cluster, Request("modify"), cluster.status)
        return result

    @replace(models.RDSBackend, "delete_db_cluster_parameter_group")
    def delete(original: Any, backend: Any, db_cluster_parameter_group_name: str) -> Any:
        """Gap: a group in use can be deleted."""
        if any(cluster.parameter_group == db_cluster_parameter_group_name for cluster in backend.clusters.values()):
            raise exceptions.RDSClientError(
                "InvalidDBParameterGroupState",
                "One or more database clusters are still members of this parameter group",
            )
        return original(db_cluster_parameter_group_name)
