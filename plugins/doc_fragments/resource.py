"""Documentation that the AWS modules of this collection share."""


class ModuleDocFragment:
    """`resource` for every module, `resource.wait` for those whose resource takes its time."""

    DOCUMENTATION = r"""
options:
  state:
    description: Whether it exists.
    choices: [present, absent]
    default: present
    type: str
author: The graviflow team (@graviflow)
attributes:
  check_mode:
    support: full
    description: Reports what would change without changing it.
  diff_mode:
    support: full
    description: Shows what is declared before and after. Secrets are never shown.
"""

    WAIT = r"""
options:
  wait:
    description: Whether to wait until it is available, or gone.
    default: true
    type: bool
  wait_timeout:
    description: Seconds to wait, for each change.
    default: 2400
    type: int
"""
