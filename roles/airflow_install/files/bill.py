"""Print a CycloneDX bill of materials of a virtual environment and of the system's packages.

Usage: bill.py <python of the environment> <distribution>, with Ansible's package facts as JSON on standard input. A
distribution is purl type, namespace and name, such as deb/debian/debian-13. The same packages give the same bytes: the
bill has neither a serial number nor a time.
"""

import json
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

from packageurl import PackageURL

Packages = dict[str, list[dict[str, Any]]]


def environment(python: str) -> dict[str, Any]:
    """Return the bill of a virtual environment, as the tool of the CycloneDX project writes it."""
    # Checking the result against its schema would take half a minute of CPU.
    options = ["--output-reproducible", "--output-format=JSON", "--spec-version=1.6", "--no-validate"]
    command = [sys.executable, "-m", "cyclonedx_py", "environment", *options, python]
    return json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout)


def system(packages: Packages, distribution: str) -> Iterator[dict[str, Any]]:
    """Return a component for each version of each package of the system."""
    kind, namespace, name = distribution.split("/")
    for package in sorted(packages):
        for installed in sorted(packages[package], key=lambda each: (each["version"], each.get("arch", ""))):
            release = f"-{installed['release']}" if installed.get("release") else ""
            version = f"{installed['version']}{release}"
            qualifiers = {"arch": installed.get("arch"), "distro": name}
            purl = PackageURL(kind, namespace, package, version, qualifiers).to_string()
            yield {"type": "library", "bom-ref": purl, "name": package, "version": version, "purl": purl}


def main() -> None:
    """Compose both and print the result."""
    python, distribution = sys.argv[1:]
    bill = environment(python)
    bill["components"] = [*bill.get("components", []), *system(json.load(sys.stdin), distribution)]
    print(json.dumps(bill, indent=1, sort_keys=True))


if __name__ == "__main__":
    main()
