"""Print, as JSON, the options of airflow.cfg that are known here. The virtual environment's Python runs it."""

import json
import re
from collections.abc import Iterable, Mapping
from enum import Enum
from typing import Any

from airflow.cli.commands.config_command import CONFIGS_CHANGES
from airflow.configuration import conf, retrieve_configuration_description

Name = tuple[str, str]
KINDS = ("boolean", "float", "integer")
# Options may come from a command or a secrets backend instead; which of them may, Airflow tells.
INDIRECT = ("cmd", "secret")


def kind(name: Name, description: Mapping[str, Any]) -> str | list[str]:
    """Return what an option's value may be: the name of a type, or the list of the values."""
    if choices := conf.enums_options.get(name):
        return [str(choice.value if isinstance(choice, Enum) else choice) for choice in choices]
    return description["type"] if description.get("type") in KINDS else "string"


def known() -> dict[Name, str | list[str]]:
    """Return the options of every installed package."""
    sections = retrieve_configuration_description(include_airflow=True, include_providers=True)
    options = {
        (section, option): kind((section, option), description)
        for section, content in sections.items()
        for option, description in content["options"].items()
    }
    indirect = {
        (section, f"{option}_{way}"): "string" for section, option in conf.sensitive_config_values for way in INDIRECT
    }
    return {**indirect, **options}


def renamed(options: Iterable[Name]) -> dict[Name, Name]:
    """Return what became of names that no longer are: as Airflow reads them still, and as its linter tells."""
    told = {tuple(change.config): tuple(change.renamed_to) for change in CONFIGS_CHANGES if change.renamed_to}
    read = {(section, option): new for new, (section, option, _) in conf.deprecated_options.items()}
    return {old: new for old, new in {**told, **read}.items() if old not in options and new in options}


def removed(options: Iterable[Name]) -> list[Name]:
    """Return the names that are gone for good, as Airflow's linter tells."""
    told = [tuple(change.config) for change in CONFIGS_CHANGES if change.was_removed and not change.renamed_to]
    return [old for old in told if old not in options]


def dotted(name: Name) -> str:
    """Return one word for section and option."""
    return ".".join(name)


def describe() -> dict[str, Any]:
    """Return everything, ready for JSON."""
    options = known()
    return {
        "options": {dotted(name): options[name] for name in sorted(options)},
        "renamed": {dotted(old): dotted(new) for old, new in sorted(renamed(options).items())},
        "removed": sorted(map(dotted, removed(options))),
        # Their options are those of a library, or of every provider.
        "open": sorted({section for section, _ in options if re.search("_options$", section)}),
    }


if __name__ == "__main__":
    print(json.dumps(describe(), indent=1))
