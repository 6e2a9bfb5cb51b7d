"""The command line: python -m local_region up|down|status|images|clean."""

from __future__ import annotations

import argparse
import json
import logging
import sys
from pathlib import Path

from local_region import lifecycle

log = logging.getLogger(__name__)


def parser() -> argparse.ArgumentParser:
    """Return the argument parser."""
    top = argparse.ArgumentParser(prog="python -m local_region", description=__doc__)
    commands = top.add_subparsers(dest="command", required=True)
    for name, help in {
        "up": "start the region, or say that it is up",
        "down": "stop it and remove what it made; images stay",
        "status": "say what runs",
        "images": "build every image ahead of time",
        "clean": "down, and remove the images as well",
        "serve": "run the daemon in the foreground",
    }.items():
        command = commands.add_parser(name, help=help)
        command.add_argument("--name", default="graviflow", help="the region's name, prefix of all that it makes")
        command.add_argument(
            "--port", type=int, default=5590, help="the API's port; the trust store takes the next one"
        )
        command.add_argument("--home", type=Path, default=Path(".local"), help="where authority, logs and state live")
        command.add_argument(
            "--arm64", action="store_true", help="emulate arm64: hosts are virtual machines, EFS is NFS (up)"
        )
        command.add_argument("--json", action="store_true", help="machine readable output (status)")
    return top


def main() -> int:
    """Run one command; returns the exit status."""
    options = parser().parse_args()
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    try:
        return run(options)
    except lifecycle.Taken as error:
        log.error("%s", error)
        return 1


def run(options: argparse.Namespace) -> int:
    """Run one command; returns the exit status. Raises lifecycle.Taken."""
    place = lifecycle.Place(options.name, options.port, options.home.resolve(), options.arm64)
    match options.command:
        case "serve":
            from local_region.daemon import serve

            serve(place.name, place.port, place.home, place.arm64)
        case "up":
            return lifecycle.up(place)
        case "down":
            lifecycle.down(place)
        case "clean":
            lifecycle.clean(place)
        case "images":
            lifecycle.images(place)
        case "status":
            status = lifecycle.status(place)
            print(json.dumps(status, indent=2) if options.json else lifecycle.text(status))
            return 0 if status["ready"] else 3
    return 0


if __name__ == "__main__":
    sys.exit(main())
