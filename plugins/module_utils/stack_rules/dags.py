"""Rules about where DAGs come from."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from ansible_collections.graviflow.airflow.plugins.module_utils.stack_rules.entry import BUCKET
from ansible_collections.graviflow.airflow.plugins.module_utils.stack_rules.problem import HIDDEN, Facts, Problem

GIT, S3 = "stack_document_dags_git", "stack_document_dags_s3"
HOST = r"(?P<host>[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?)"
PATH = r"[A-Za-z0-9._~/+-]+"
ADDRESSES = (
    re.compile(rf"ssh://([A-Za-z0-9._-]+@)?{HOST}(:(?P<port>\d+))?/{PATH}"),
    re.compile(rf"[A-Za-z0-9._-]+@{HOST}:{PATH}"),
    re.compile(rf"https://{HOST}(:(?P<port>\d+))?/{PATH}"),
)
USER = re.compile(r"(https://[^/@]*@|[a-z+]+://[^/@:]*:[^/@]*@)")
REF = re.compile(r"(?!.*(\.\.|//|@\{|\.lock(/|\Z)))[A-Za-z0-9_][A-Za-z0-9._/+@=-]*(?<![./])")
HOST_KEY = re.compile(r"(?P<hosts>\S+) (ssh-ed25519|ssh-rsa|ecdsa-sha2-nistp(256|384|521)) [A-Za-z0-9+/]+=*( .*)?")
KEY = re.compile(r"arn:(?P<partition>aws[a-z-]*):kms:(?P<region>[a-z0-9-]+):\d{12}:key/.+")
# What stands in a policy as it is: no wildcard.
PREFIX = re.compile(r"[A-Za-z0-9!_.()'=-]+(/[A-Za-z0-9!_.()'=-]+)*")
LIMITS = {
    "stack_document_dags_poll_seconds": (1, 86400, "seconds"),
    "stack_document_dags_keep_releases": (1, 1000, "releases"),
    "stack_document_dags_check_seconds": (1, 3600, "seconds"),
}
INTERNET_PORTS = ("80", "443")


def _relative(path: str) -> bool:
    return not path.startswith("/") and ".." not in path.split("/")


def _source(stack: Mapping[str, Any], name: str, variable: str) -> Mapping[str, Any] | None:
    """Return what is said of a source, None when the DAGs come from another one."""
    return (stack.get(variable) or {}) if stack.get("stack_document_dags_source") == name else None


def sources(stack: Mapping[str, Any], facts: Facts) -> Iterator[Problem]:
    """What is said of a source is said of the one that is used."""
    used = stack.get("stack_document_dags_source", "efs")
    for name, variable in (("git", GIT), ("s3", S3)):
        if stack.get(variable) and used != name:
            rule = f"Nothing would be taken from there: stack_document_dags_source is {used}."
            yield Problem(variable, HIDDEN, rule, f"Say stack_document_dags_source: {name}, or leave it out.")


def repository(stack: Mapping[str, Any], facts: Facts) -> Iterator[Problem]:
    """The repository has an address that hosts can reach, and that bears no secret."""
    git = _source(stack, "git", GIT)
    if git is None:
        return
    url = str(git.get("url") or "")
    variable = f"{GIT}.url"
    if USER.match(url):
        rule = "The address has a user or a password, and everybody who sees the stack document would have it."
        yield Problem(variable, HIDDEN, rule, "Use SSH and a deploy key: secrets_given.dags.deploy_key.")
        return
    match = next((found for found in (pattern.fullmatch(url) for pattern in ADDRESSES) if found), None)
    if not match or "/../" in url:
        rule = "DAGs come from git, and this is no address of a repository by SSH or https."
        fix = "Use one like git@github.com:team/dags.git or https://github.com/team/dags.git."
        yield Problem(variable, url, rule, fix)
        return
    by_ssh = not url.startswith("https://")
    port = match.groupdict().get("port") or ("22" if by_ssh else "443")
    ports = [str(each) for each in stack.get("security_groups_internet_ports") or INTERNET_PORTS]
    if port not in ports:
        rule = f"Hosts may open connections to ports {', '.join(ports)} of the internet, and this needs {port}."
        fix = f"Say security_groups_internet_ports: {[*ports, port]}."
        yield Problem(variable, url, rule, fix)
    if by_ssh:
        yield from _ssh(stack, facts, git, match["host"], port)


def _ssh(stack: Mapping[str, Any], facts: Facts, git: Mapping[str, Any], host: str, port: str) -> Iterator[Problem]:
    name = host if port == "22" else f"[{host}]:{port}"
    given = git.get("host_keys") or []
    for line in given:
        if not HOST_KEY.fullmatch(str(line)):
            rule = "It is no line of a known_hosts file: names, kind of key, key."
            yield Problem(f"{GIT}.host_keys", line, rule, f"Take a line of ssh-keyscan {host}, and compare its key.")
    # Hashed names begin with a bar, and say nothing.
    names = [each for line in given for each in str(line).split(" ")[0].split(",")]
    if name not in names and not any(each.startswith("|") for each in names):
        rule = f"SSH needs to know the server's key, and none is pinned for {name}."
        fix = f"Add what ssh-keyscan -p {port} {host} prints, once it is what the server's owner publishes."
        yield Problem(f"{GIT}.host_keys", given, rule, fix)
    if facts.offers.get("exists") is False and not (stack.get("secrets_given") or {}).get("dags"):
        rule = "The repository is reached by SSH, and the stack, which does not exist yet, has no key to it."
        yield Problem("secrets_given.dags.deploy_key", HIDDEN, rule, "Give the private half of a deploy key.")


def revision(stack: Mapping[str, Any], facts: Facts) -> Iterator[Problem]:
    """What is taken of the repository is a branch, tag or commit, and a folder in it."""
    git = _source(stack, "git", GIT)
    if git is None:
        return
    ref, subdirectory = git.get("ref"), git.get("subdirectory")
    if ref is not None and not REF.fullmatch(str(ref)):
        rule = "It is no name of a branch or tag and no commit; git would take it for an option or a pattern."
        yield Problem(f"{GIT}.ref", ref, rule, "Use one like main, v1.4 or a commit's 40 digits.")
    if subdirectory is not None and not _relative(str(subdirectory)):
        rule = "It is a folder in the repository, and this leads out of it."
        yield Problem(f"{GIT}.subdirectory", subdirectory, rule, "Write it without a leading slash and without `..`.")


def bucket(stack: Mapping[str, Any], facts: Facts) -> Iterator[Problem]:
    """The bucket has a name, and the folder in it is one."""
    s3 = _source(stack, "s3", S3)
    if s3 is None:
        return
    name, prefix, key = s3.get("bucket"), s3.get("prefix"), s3.get("key_arn")
    if not BUCKET.fullmatch(str(name or "")):
        rule = "DAGs come from S3, and a bucket's name has 3 to 63 lower case letters, digits, hyphens and dots."
        yield Problem(f"{S3}.bucket", name, rule, "Give the name alone, neither ARN nor URL.")
    if prefix and (not PREFIX.fullmatch(str(prefix)) or not _relative(str(prefix))):
        rule = "It is a folder in the bucket, without slashes at its ends, `..`, wildcards or spaces."
        yield Problem(f"{S3}.prefix", prefix, rule, "Use one like airflow/dags.")
    match = KEY.fullmatch(str(key)) if key else None
    if key and (not match or match["region"] != stack["stack_region"]):
        rule = f"It is not the ARN of a KMS key in {stack['stack_region']}."
        yield Problem(f"{S3}.key_arn", key, rule, "Copy the key's ARN, not that of an alias, from the stack's region.")


def limits(stack: Mapping[str, Any], facts: Facts) -> Iterator[Problem]:
    """Numbers are such as hosts can live with."""
    for variable, (smallest, largest, unit) in LIMITS.items():
        if variable in stack and not smallest <= int(stack[variable]) <= largest:
            rule = f"It is {smallest} to {largest} {unit}."
            yield Problem(variable, stack[variable], rule, "Correct it, or leave it out.")


RULES = (sources, repository, revision, bucket, limits)
