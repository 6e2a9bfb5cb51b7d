"""What installing the lock costs by uv, as the role airflow_install calls it, against pip, in one run.

Both install the same lock into a new virtual environment of a container, with cold caches, and compile bytecode. They
take turns, because machines are noisy; the best of each counts.
"""

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from runs import ROOT

ROUNDS = 2
LOCK = "airflow-3.3.2-python-3.13"
PYTHON = "python3.13"
OPTIONS = ["--quiet", "--require-hashes"]
INSTALLERS = {
    "uv": (
        "/tools/bin/uv pip sync --python=/venv/bin/python --no-cache --compile-bytecode --link-mode=copy --system-certs"
    ),
    "pip": "/venv/bin/python -m pip install --no-cache-dir --compile --no-deps --requirement",
}
# Prints seconds by the clock and seconds of CPU of a command.
TIMED = """
import json, resource, subprocess, sys, time
start = time.monotonic()
subprocess.run(sys.argv[1:], check=True, stdout=subprocess.DEVNULL)
used = resource.getrusage(resource.RUSAGE_CHILDREN)
print(json.dumps([time.monotonic() - start, used.ru_utime + used.ru_stime]))
"""


def docker(*arguments: str, stdin: bytes | None = None) -> str:
    """Runs Docker's command line and returns what it printed."""
    done = subprocess.run(["docker", *arguments], input=stdin, capture_output=True, check=False)
    if done.returncode:
        sys.exit(f"docker {' '.join(arguments[:3])}: {done.stderr.decode()[-2000:]}")
    return done.stdout.decode().strip()


@contextmanager
def container(image: str) -> Iterator[str]:
    """A container with Python, uv and the lock, for as long as it is needed."""
    name = docker("run", "--detach", "--entrypoint", "sleep", image, "infinity")
    try:
        run = ["exec", name]
        docker(*run, "sh", "-c", f"apt-get -qq update && apt-get -qqy install {PYTHON}-venv >/dev/null")
        for lock in (LOCK, "uv"):
            text = (ROOT / f"roles/airflow_install/files/locks/{lock}.txt").read_bytes()
            docker("exec", "--interactive", name, "sh", "-c", f"cat > /{lock}.txt", stdin=text)
        docker(*run, PYTHON, "-m", "venv", "/tools")
        docker(*run, "/tools/bin/pip", "install", *OPTIONS, "--requirement", "/uv.txt")
        yield name
    finally:
        docker("rm", "--force", name)


def install(name: str, installer: str) -> tuple[float, float]:
    """Seconds by the clock and of CPU of one installation into a new virtual environment."""
    docker("exec", name, "rm", "-rf", "/venv")
    docker("exec", name, PYTHON, "-m", "venv", "/venv")
    words = [*INSTALLERS[installer].split(), f"/{LOCK}.txt", *OPTIONS]
    wall, cpu = json.loads(docker("exec", name, PYTHON, "-c", TIMED, *words))
    return wall, cpu


def megabytes(name: str, command: str) -> float:
    """What a shell command that prints bytes says, in megabytes."""
    return int(docker("exec", name, "sh", "-c", command)) / 1e6


def main() -> None:
    """Prints the table."""
    image = docker(
        "images", "graviflow/base", "--filter", "reference=*:trixie-*", "--format", "{{.Repository}}:{{.Tag}}"
    )
    best = {installer: (float("inf"), float("inf")) for installer in INSTALLERS}
    with container(image.splitlines()[0]) as name:
        for _ in range(ROUNDS):
            for installer in INSTALLERS:
                took = install(name, installer)
                best[installer] = tuple(map(min, best[installer], took))
        whole = megabytes(name, "du -sb /venv | cut -f1")
        bytecode = megabytes(name, "find /venv -name '*.pyc' -printf '%s\\n' | awk '{sum += $1} END {print sum}'")

    for installer, (wall, cpu) in best.items():
        print(f"{installer:4} {wall:6.1f} s, {cpu:6.1f} s of CPU   (best of {ROUNDS})")
    wall, cpu = (pip / uv for pip, uv in zip(best["pip"], best["uv"], strict=True))
    print(f"pip against uv: {wall:.1f} by the clock, {cpu:.1f} of CPU")
    print(f"virtual environment {whole:.0f} MB, of which bytecode {bytecode:.0f} MB")
    for line in docker("images", "graviflow/ami", "--format", "{{.Size}} {{.Tag}}").splitlines()[:1]:
        print(f"image as the local region keeps it: {line}")


if __name__ == "__main__":
    main()
