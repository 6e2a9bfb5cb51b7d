"""Rules that follow from what the roles say of their own variables."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping
from typing import Any

from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible_collections.graviflow.airflow.plugins.module_utils.stack_rules.problem import HIDDEN, Facts, Problem

# What of an option's specification its value must satisfy.
OF_VALUES = ("type", "elements", "choices", "options", "no_log")


def unknown(stack: Mapping[str, Any], facts: Facts) -> Iterator[Problem]:
    """A variable that looks like a role's is one: nobody would read a misspelt one."""
    for name in sorted(set(stack) - set(facts.options)) if facts.options else ():
        close = difflib.get_close_matches(name, facts.options, n=1)
        fix = f"Did you mean {close[0]}?" if close else "Take it out, or name it otherwise if it is your own."
        yield Problem(name, HIDDEN, "No role takes a variable of this name.", fix)


def mistyped(stack: Mapping[str, Any], facts: Facts) -> Iterator[Problem]:
    """A value is of the type that the role declares, and one of its choices."""
    for name, value in stack.items():
        option = facts.options.get(name)
        if option is None or value is None:
            continue
        specification = {name: {key: option[key] for key in OF_VALUES if key in option}}
        for error in ArgumentSpecValidator(specification).validate({name: value}).error_messages:
            secret = option.get("no_log") or name.startswith("secrets_")
            yield Problem(
                name,
                # What does not belong into a dictionary may be a secret.
                HIDDEN if secret or isinstance(value, Mapping) else value,
                "It is not what the role takes." if secret else f"{error[:1].upper()}{error[1:].rstrip('.')}.",
                f"Give a value for: {_first_sentence(option['description'])}",
            )


def _first_sentence(description: str | list[str]) -> str:
    text = description if isinstance(description, str) else description[0]
    return f"{text.split('. ')[0].rstrip('.')}."
