"""Rules about the options of airflow.cfg."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping
from typing import Any

from ansible_collections.graviflow.airflow.plugins.module_utils.airflow_secrets import why_secret
from ansible_collections.graviflow.airflow.plugins.module_utils.stack_rules.problem import HIDDEN, Facts, Problem

# What Airflow reads as true or false, in any case.
BOOLEANS = {"t", "true", "1", "f", "false", "0"}
OWN = "Name it in preflight_own_sections if a provider that you add or your own code reads it."


def _options(stack: Mapping[str, Any]) -> Iterator[tuple[str, str, Any]]:
    """Yield section, option and value; both names as Airflow compares them."""
    for section, content in (stack.get("airflow_config") or {}).items():
        if isinstance(content, Mapping):
            for option, value in content.items():
                yield str(section), str(option).lower(), value


def _variable(section: str, option: str) -> str:
    return f"airflow_config.{section}.{option}"


def shape(stack: Mapping[str, Any], facts: Facts) -> Iterator[Problem]:
    """A section is a dictionary."""
    for section, content in (stack.get("airflow_config") or {}).items():
        if content is not None and not isinstance(content, Mapping):
            yield Problem(
                f"airflow_config.{section}",
                HIDDEN,
                "A section is a dictionary of options.",
                "Indent its options below it.",
            )


def secret(stack: Mapping[str, Any], facts: Facts) -> Iterator[Problem]:
    """No option bears a secret."""
    for section, option, value in _options(stack):
        if rule := why_secret(section, option, str(value)):
            fix = "Take it out, and give it as secrets_given instead."
            yield Problem(_variable(section, option), HIDDEN, rule, fix)


def executor(stack: Mapping[str, Any], facts: Facts) -> Iterator[Problem]:
    """The stack keeps its shape."""
    for section, option, value in _options(stack):
        if (section, option) == ("core", "executor") and "CeleryExecutor" not in str(value):
            rule = "The stack's workers are Celery's, and nothing would give them tasks."
            yield Problem(_variable(section, option), value, rule, "Leave it out.")
        if (section, option) == ("celery", "pool"):
            rule = "The workers' unit has Celery's prefork pool, whose processes its watchdog counts."
            yield Problem(_variable(section, option), value, rule, "Leave it out.")


def name(stack: Mapping[str, Any], facts: Facts) -> Iterator[Problem]:
    """The stack's version of Airflow knows the option by this name."""
    if facts.airflow_options is None:
        return
    known = facts.airflow_options["options"]
    sections = {each.partition(".")[0] for each in known}
    for section, option, _ in _options(stack):
        dotted = f"{section}.{option}"
        if dotted in known or section in facts.airflow_options["open"] or section in facts.own_sections:
            continue
        airflow = f"Airflow {stack.get('airflow_version')}"
        variable = _variable(section, option)
        if new := facts.airflow_options["renamed"].get(dotted):
            yield Problem(variable, HIDDEN, f"{airflow} has it as {new}.", f"Give it as airflow_config.{new}.")
        elif dotted in facts.airflow_options["removed"]:
            yield Problem(variable, HIDDEN, f"{airflow} has this option no more.", "Take it out.")
        elif section in sections:
            yield Problem(variable, HIDDEN, f"{airflow} has no such option.", _did_you_mean(dotted, known))
        else:
            fix = f"{_did_you_mean(section, sections)} {OWN}"
            yield Problem(variable, HIDDEN, f"{airflow} has no such section.", fix)


def _did_you_mean(given: str, known: Mapping[str, Any] | set[str]) -> str:
    close = difflib.get_close_matches(given, known, n=1)
    return f"Did you mean {close[0]}?" if close else "Take it out, or correct its name."


def value(stack: Mapping[str, Any], facts: Facts) -> Iterator[Problem]:
    """The value is of the option's type, or one of its choices."""
    known = facts.airflow_options["options"] if facts.airflow_options else {}
    for section, option, given in _options(stack):
        kind = known.get(f"{section}.{option}", "string")
        if given is not None and not _fits(given, kind) and not why_secret(section, option, str(given)):
            wanted = f"one of {', '.join(map(repr, kind))}" if isinstance(kind, list) else f"of type {kind}"
            yield Problem(_variable(section, option), given, f"The value is not {wanted}.", "Correct the value.")


def _fits(given: Any, kind: str | list[str]) -> bool:
    text = str(given)
    if isinstance(kind, list):
        return text in kind
    if kind == "boolean":
        return text.lower() in BOOLEANS
    if kind == "string":
        return True
    try:
        {"integer": int, "float": float}[kind](text)
    except ValueError:
        return False
    return True


RULES = (shape, secret, executor, name, value)
