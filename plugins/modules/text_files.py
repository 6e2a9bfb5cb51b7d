#!/usr/bin/python
# SPDX-License-Identifier: Apache-2.0
# ruff: noqa: E402 (Ansible wants the documentation before the imports)
"""Ansible module: several small text files in one call."""

from __future__ import annotations

DOCUMENTATION = r"""
module: text_files
version_added: 0.1.0
short_description: Write several small text files at once
description:
  - Makes files have the given texts, mode and owner, each replaced in one step.
  - M(ansible.builtin.copy) takes two calls for each file, half a second or more over SSH.
author: The graviflow team (@graviflow)
options:
  texts:
    description: Absolute paths and the texts of the files. Their folders exist.
    required: true
    type: dict
  only:
    description:
      - Paths whose last part has wildcards. A file that matches one and is not among O(texts) is removed.
    type: list
    elements: str
    default: []
  mode:
    description: Mode of each file, octal.
    type: str
    default: "0644"
  owner:
    description: Owner of each file.
    type: str
    default: root
  group:
    description: Group of each file.
    type: str
    default: root
attributes:
  check_mode:
    support: full
    description: Reports what would change without changing it.
  diff_mode:
    support: full
    description: Shows the texts before and after.
"""

EXAMPLES = r"""
- name: Units are installed
  graviflow.airflow.text_files:
    texts:
      /etc/systemd/system/airflow.target: "{{ lookup('ansible.builtin.file', 'airflow.target') }}"
      /etc/systemd/system/airflow-host.service: "{{ lookup('ansible.builtin.file', 'airflow-host.service') }}"
    only: [/etc/systemd/system/airflow*.service]
"""

RETURN = r"""
paths:
  description: The files that were written or removed.
  returned: always
  type: list
  elements: str
  sample: [/etc/systemd/system/airflow.target]
"""

from pathlib import Path

from ansible.module_utils.basic import AnsibleModule


def text_of(path: str) -> str | None:
    """Return the text of a file, None if there is none."""
    try:
        return Path(path).read_text()
    except FileNotFoundError:
        return None


def matching(pattern: str) -> set[str]:
    """Return the paths that match a pattern whose last part alone has wildcards."""
    return {str(path) for path in Path(pattern).parent.glob(Path(pattern).name)}


def difference(path: str, before: str | None, after: str | None) -> dict[str, str]:
    """Return Ansible's diff of a file that is written, or removed if there is nothing after."""
    return {"before_header": path, "after_header": path, "before": before or "", "after": after or ""}


def write(module: AnsibleModule, path: str, text: str) -> None:
    """Replace a file in one step."""
    new = Path(module.tmpdir, "text")
    new.write_text(text)
    module.atomic_move(str(new), path)


def attributes_changed(module: AnsibleModule, path: str) -> bool:
    """Make owner, group and mode right, and return whether they were not."""
    if not Path(path).exists():  # check mode did not write it
        return False
    wanted = module.load_file_common_arguments({**module.params, "path": path})
    return module.set_fs_attributes_if_different(wanted, changed=False)


def main() -> None:
    """Run the module."""
    module = AnsibleModule(
        argument_spec={
            "texts": {"type": "dict", "required": True},
            "only": {"type": "list", "elements": "str", "default": []},
            "mode": {"type": "str", "default": "0644"},
            "owner": {"type": "str", "default": "root"},
            "group": {"type": "str", "default": "root"},
        },
        supports_check_mode=True,
    )
    texts: dict[str, str] = module.params["texts"]
    before = {path: text_of(path) for path in texts}
    wrong = [path for path, text in texts.items() if before[path] != text]
    stale = sorted({path for pattern in module.params["only"] for path in matching(pattern)} - texts.keys())
    removed = [difference(path, text_of(path), None) for path in stale]
    if not module.check_mode:
        for path in wrong:
            write(module, path, texts[path])
        for path in stale:
            Path(path).unlink()
    changed = {path for path in texts if attributes_changed(module, path)} | {*wrong, *stale}
    module.exit_json(
        changed=bool(changed),
        paths=sorted(changed),
        diff=[*(difference(path, before[path], texts[path]) for path in wrong), *removed],
    )


if __name__ == "__main__":
    main()
