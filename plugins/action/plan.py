"""Action plugin: a resource is an entry of the plan that the callback `stages` shows."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from ansible.plugins.action import ActionBase
from ansible_collections.graviflow.airflow.plugins.module_utils.planned import entry

ARGUMENTS = {
    "kind": {"required": True},
    "name": {"required": True},
    "result": {"type": "dict", "required": True},
    "exists": {"type": "bool"},
    "attributes": {"type": "dict", "default": {}},
}


class ActionModule(ActionBase):
    """Runs on the controller, without a module to start."""

    _requires_connection = False
    _supports_check_mode = True

    def run(self, tmp: Any = None, task_vars: Any = None) -> dict[str, Any]:
        """Return the entry under `plan`; outside check mode there is no plan."""
        super().run(tmp, task_vars)
        if not self._task.check_mode:
            return {"changed": False, "skipped": True}
        _, given = self.validate_argument_spec(argument_spec=ARGUMENTS)
        planned = entry(
            given["kind"], given["name"], given["result"], exists=given["exists"], attributes=given["attributes"]
        )
        return {"changed": False, "plan": asdict(planned)}
