"""Launch templates: versions that build on others and can be deleted."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import moto.ec2.models.launch_templates as models
import moto.ec2.responses.launch_templates as responses
from moto.core.responses import ActionResult
from moto.ec2.exceptions import EC2ClientError, InvalidLaunchTemplateVersionNotFound
from moto.ec2.utils import parse_user_data

from local_region.patches._tools import after, replace

if TYPE_CHECKING:
    from local_region.region import Region


def apply(region: Region) -> None:
    """Patch EC2's launch templates."""
    _numbers()
    _own_tags()
    _source_versions()
    _deletion()


def _numbers() -> None:
    """Gap: a version is found by its place in a list, so none can be deleted."""

    @replace(models.LaunchTemplate, "get_version")
    def get(_: Any, template: Any, number: Any) -> Any:
        wanted = str(number).lower()
        if wanted == "$latest":
            return template.versions[-1]
        wanted = str(template.default_version_number) if wanted == "$default" else wanted
        for version in template.versions:
            if str(version.number) == wanted:
                return version
        raise InvalidLaunchTemplateVersionNotFound(template_id=template.id, version=number)

    @replace(models.LaunchTemplate, "default_version")
    def default(_: Any, template: Any) -> Any:
        return template.get_version("$Default")

    @replace(models.LaunchTemplate, "create_version")
    def create(_: Any, template: Any, data: dict[str, Any], description: str) -> Any:
        template.last_number = getattr(template, "last_number", 0) + 1
        version = models.LaunchTemplateVersion(template, template.last_number, data, description)
        template.versions.append(version)
        return version


def _own_tags() -> None:
    """Gap: the template's own tags appear in its first version, as if instances were to get them."""

    @after(models.LaunchTemplateVersion, "__init__")
    def drop(version: Any, *_: Any, **__: Any) -> None:
        specifications = version.data.pop("TagSpecifications", [])
        others = [spec for spec in specifications if spec["ResourceType"] != "launch-template"]
        if others:
            version.data["TagSpecifications"] = others


def _source_versions() -> None:
    """Gap: SourceVersion is ignored, and later versions' user data are not parsed."""

    @replace(responses.LaunchTemplates, "create_launch_template_version")
    def create(original: Callable[[], Any], response: Any) -> Any:
        result = original()
        template = _template(response)
        version = template.versions[-1]
        if given := version.data.get("UserData"):
            version.data["UserData"] = parse_user_data(given)
        if source := response._get_param("SourceVersion"):
            base = copy.deepcopy(template.get_version(source).data)
            version.data = {**base, **version.data}
            result.result["LaunchTemplateVersion"]["LaunchTemplateData"] = version.data
        return result


def _template(response: Any) -> Any:
    ec2, name = response.ec2_backend, response._get_param("LaunchTemplateName")
    return (
        ec2.get_launch_template_by_name(name)
        if name
        else ec2.get_launch_template(response._get_param("LaunchTemplateId"))
    )


def _deletion() -> None:
    """Gap: DeleteLaunchTemplateVersions is missing."""

    @replace(responses.LaunchTemplates, "delete_launch_template_versions")
    def delete(_: Any, response: Any) -> Any:
        response.error_on_dryrun()
        template, deleted = _template(response), []
        for number in response._get_param("Versions", []):
            version = template.get_version(number)
            if version.number == template.default_version_number:
                raise EC2ClientError("InvalidLaunchTemplateId.VersionNotFound", "The default version cannot be deleted")
            template.versions.remove(version)
            deleted.append(
                {
                    "LaunchTemplateId": template.id,
                    "LaunchTemplateName": template.name,
                    "VersionNumber": version.number,
                }
            )
        return ActionResult(
            {
                "SuccessfullyDeletedLaunchTemplateVersions": deleted,
                "UnsuccessfullyDeletedLaunchTemplateVersions": [],
            }
        )
