"""Rules about the metadata database: what its engine, class, storage and switches can be together."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from math import isfinite
from typing import Any

from ansible_collections.graviflow.airflow.plugins.module_utils.stack_rules.problem import HIDDEN, Facts, Problem

# Engine -> what its versions look like, in words, and the one to use.
VERSIONS = {
    "postgres": (r"1[4-8](\.\d+)?", "PostgreSQL's 14 to 18", "17"),
    "postgres-cluster": (r"1[4-8](\.\d+)?", "PostgreSQL's 14 to 18", "17"),
    "aurora-postgresql": (r"1[4-8](\.\d+)?", "PostgreSQL's 14 to 18", "17"),
    "mysql": (r"8\.(0|4)(\.\d+)?", "MySQL's 8.0 and 8.4", "8.4"),
}
CLUSTERS = ("postgres-cluster", "aurora-postgresql")
SIZE = re.compile(r"db\.(?P<family>[a-z0-9-]+)\.(?P<size>[a-z0-9]+)")
GRAVITON = re.compile(r"[a-z]+\d+[a-z]*g[a-z]*")  # letters, generation, attributes with a g: m7g, r6gd, x2g
# Engine -> families and sizes that it takes among Graviton's, the rule in words, an example.
CLASSES = {
    "postgres": (r"db\..+", "", "db.m7g.large"),
    "mysql": (r"db\..+", "", "db.m7g.large"),
    "postgres-cluster": (
        r"db\.[cmr]\d+gd\..+",
        "A Multi-AZ DB cluster needs classes with a local NVMe disk, whose family bears gd.",
        "db.m6gd.large",
    ),
    "aurora-postgresql": (
        r"db\.(t4g\.(medium|large)|r\d+gd?\..+|x2g\..+)",
        "Aurora takes classes of the families t4g (medium and large), r and x.",
        "db.r7g.large",
    ),
}
SMALLEST_STORAGE, LARGEST_STORAGE = 20, 65536  # GiB of gp3
# A Multi-AZ DB cluster takes at most 50 operations a second for each GiB, and gp3 begins with 3000.
SMALLEST_OF_CLUSTER = 60
SMALLEST_PORT, LARGEST_PORT = 1150, 65535  # as CreateDBInstance has it
LARGEST_CAPACITY = 256  # ACU
MONITORING = (0, 1, 5, 10, 15, 30, 60)
RESERVED_NAMES = {
    "postgres", "rdsadmin", "template0", "template1",
    "mysql", "sys", "information_schema", "performance_schema", "innodb",
}  # fmt: skip
TLS = {"rds.force_ssl", "require_secure_transport"}
# What a new database is made by, with the role's defaults: a database that is given has its own.
OF_A_NEW_ONE = {
    "database_engine": "postgres",
    "database_instance_class": "",
    "database_serverless_capacity": {},
    "database_name": "airflow",
    "database_allocated_storage": 50,
    "database_max_allocated_storage": 200,
    "database_parameters": {},
    "database_monitoring_interval": 0,
}
EXISTING_KEYS = ("host", "port", "name", "engine")
CAPACITIES = {"minimum": 0, "maximum": 1}  # and the smallest of each
HOST = re.compile(r"(?=.{1,253}\Z)[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?")


def _engine(stack: Mapping[str, Any]) -> str | None:
    """Return the engine of a new database; None when one is given, or the name means nothing: that is told once."""
    name = str(stack.get("database_engine", "postgres"))
    return name if name in VERSIONS and not stack.get("database_existing") else None


def engine(stack: Mapping[str, Any], facts: Facts) -> Iterator[Problem]:
    """The engine is known, and its version is one of its own."""
    given = stack.get("database_engine", "postgres")
    if given not in VERSIONS:
        yield Problem("database_engine", given, "There is no such engine.", f"Choose among {', '.join(VERSIONS)}.")
    name = _engine(stack)
    if name is None or stack.get("database_engine_version") is None:
        return
    version = str(stack["database_engine_version"])
    pattern, rule, example = VERSIONS[name]
    if not re.fullmatch(pattern, version):
        yield Problem(
            "database_engine_version",
            version,
            f"It is no version of {name}, which has {rule}.",
            f'Use "{example}": without a minor version AWS chooses, and the database keeps what it took.',
        )


def driver(stack: Mapping[str, Any], facts: Facts) -> Iterator[Problem]:
    """Hosts can talk to the database."""
    given = stack.get("database_existing")
    variable, value = "database_engine", stack.get("database_engine", "postgres")
    if given:
        variable, value = "database_existing.engine", given.get("engine") if isinstance(given, Mapping) else None
    if value == "mysql":
        yield Problem(
            variable,
            value,
            "The image has no driver for MySQL, and its hosts log in to PostgreSQL only.",
            "Use postgresql." if given else "Use postgres, postgres-cluster or aurora-postgresql.",
        )


def instance_class(stack: Mapping[str, Any], facts: Facts) -> Iterator[Problem]:
    """The class is Graviton's, and one that the engine takes; serverless has none."""
    variable, name, given = "database_instance_class", _engine(stack), str(stack.get("database_instance_class") or "")
    if name is None:
        return
    pattern, rule, example = CLASSES[name]
    fix = f"Use one like {example}."
    size = SIZE.fullmatch(given)
    if stack.get("database_serverless_capacity"):
        if given:
            rule = "database_serverless_capacity is given as well, and serverless instances have no other class."
            yield Problem(variable, given, rule, "Take out one of them.")
    elif given == "db.serverless":
        rule = "What it scales between is not known."
        yield Problem(variable, given, rule, "Take it out, and give database_serverless_capacity.")
    elif not given:
        yield Problem(variable, given, "A new database needs a class.", fix)
    elif size is None:
        yield Problem(variable, given, "It is not a size of this service.", fix)
    elif not GRAVITON.fullmatch(size["family"]):
        yield Problem(variable, given, "The stack runs on Graviton, and this is no class of it.", fix)
    elif not re.fullmatch(pattern, given):
        yield Problem(variable, given, rule, fix)
    elif name == "mysql" and size["family"] == "t4g" and size["size"] in ("micro", "small"):
        yield from _too_small_for_insights(stack, given)


def _too_small_for_insights(stack: Mapping[str, Any], given: str) -> Iterator[Problem]:
    if stack.get("database_performance_insights", True):
        yield Problem(
            "database_instance_class",
            given,
            "Performance Insights does not run on MySQL of this size, and database_performance_insights is true.",
            "Use db.t4g.medium or larger, or say database_performance_insights: false.",
        )


def serverless(stack: Mapping[str, Any], facts: Facts) -> Iterator[Problem]:
    """Capacities are such as Aurora Serverless v2 takes."""
    variable, given, name = "database_serverless_capacity", stack.get("database_serverless_capacity"), _engine(stack)
    if not given or name is None:
        return
    example = "Say {minimum: 0.5, maximum: 8} to begin with."
    if name != "aurora-postgresql":
        rule = f"Only aurora-postgresql is serverless, and database_engine is {name}."
        yield Problem(variable, given, rule, "Take it out, or use aurora-postgresql.")
    elif not isinstance(given, Mapping) or set(given) != set(CAPACITIES):
        yield Problem(variable, given, "It has a minimum and a maximum, and nothing else.", example)
    else:
        yield from _capacities(variable, given, example)


def _capacities(variable: str, given: Mapping[str, Any], example: str) -> Iterator[Problem]:
    numbers = {key: _number(given[key]) for key in CAPACITIES}
    for key, smallest in CAPACITIES.items():
        units = numbers[key]
        if units is None or not smallest <= units <= LARGEST_CAPACITY or units * 2 % 1:
            rule = f"It is {smallest} to {LARGEST_CAPACITY} units, in steps of a half."
            yield Problem(f"{variable}.{key}", given[key], rule, example)
            return
    if numbers["minimum"] > numbers["maximum"]:
        rule = f"It is above the maximum, {given['maximum']}."
        yield Problem(f"{variable}.minimum", given["minimum"], rule, "Exchange them, or lower it.")


def storage(stack: Mapping[str, Any], facts: Facts) -> Iterator[Problem]:
    """Storage has a size that gp3 can have, and room to grow; Aurora's grows without being asked."""
    name = _engine(stack)
    if name in (None, "aurora-postgresql"):
        return
    smallest, usual = (SMALLEST_OF_CLUSTER, 100) if name == "postgres-cluster" else (SMALLEST_STORAGE, 50)
    given, limit = stack.get("database_allocated_storage", usual), stack.get("database_max_allocated_storage", 200)
    size, most = _whole(given), _whole(limit)
    if size is None or not smallest <= size <= LARGEST_STORAGE:
        yield Problem(
            "database_allocated_storage",
            given,
            f"Storage of kind gp3 has {smallest} to {LARGEST_STORAGE} GiB with {name}.",
            f"Use {usual} to begin with: it can be enlarged, and never shrinks.",
        )
        return
    grows = most is not None and size * 11 <= most * 10 and most <= LARGEST_STORAGE
    if name != "postgres-cluster" and not grows and most != size:
        yield Problem(
            "database_max_allocated_storage",
            limit,
            f"It is where storage stops growing: at least a tenth above database_allocated_storage, {size}, and "
            f"{LARGEST_STORAGE} at most.",
            f"Use {min(size * 4, LARGEST_STORAGE)}, or {size} for storage that does not grow.",
        )


def backups(stack: Mapping[str, Any], facts: Facts) -> Iterator[Problem]:
    """Backups are kept for as many days as RDS keeps them, and are there where a standby needs them."""
    name, given = _engine(stack), stack.get("database_backup_days", 7)
    days = _whole(given)
    if name is None:
        return
    if days is None or not 0 <= days <= 35:
        yield Problem("database_backup_days", given, "Backups are kept 0 to 35 days.", "Use 7.")
    elif days == 0 and (name in CLUSTERS or stack.get("high_availability")):
        why = f"{name} always has them" if name in CLUSTERS else "high_availability is true"
        yield Problem("database_backup_days", given, f"0 stands for no backups, and {why}.", "Use 1 to 35.")


def availability(stack: Mapping[str, Any], facts: Facts) -> Iterator[Problem]:
    """A Multi-AZ DB cluster is three instances in three zones."""
    if _engine(stack) != "postgres-cluster":
        return
    if not stack.get("high_availability", True):
        yield Problem(
            "database_engine",
            "postgres-cluster",
            "It always has three instances, and high_availability is false.",
            "Use postgres, or say high_availability: true.",
        )
    zones = list(stack.get("network_zones") or [])
    if zones and len(set(zones)) < 3 and not stack.get("network_existing"):
        yield Problem(
            "network_zones",
            zones,
            "A Multi-AZ DB cluster (database_engine: postgres-cluster) wants subnets in three zones.",
            "Name a third zone, or use postgres, which needs two.",
        )


def names(stack: Mapping[str, Any], facts: Facts) -> Iterator[Problem]:
    """Identifier, database, user and password are such as the engine takes."""
    name = _engine(stack)
    if name is None:
        return
    identifier = str(stack.get("database_identifier") or f"{stack['stack_name']}-database")
    # AWS numbers the instances of a cluster in what is left.
    longest = {"postgres-cluster": 52, "aurora-postgresql": 61}.get(name, 63)
    if "database_identifier" in stack and not re.fullmatch(r"[a-z][a-z0-9]*(-[a-z0-9]+)*", identifier):
        yield Problem(
            "database_identifier",
            identifier,
            "RDS takes lower case letters, digits and single hyphens, beginning with a letter.",
            "Use a name like airflow-demo-database.",
        )
    elif len(identifier) > longest:
        rule = f"It has {len(identifier)} characters, and an identifier of {name} has {longest} at most."
        yield Problem("database_identifier", identifier, rule, "Shorten it.")
    database = str(stack.get("database_name", "airflow"))
    if not re.fullmatch(r"[A-Za-z][A-Za-z0-9_]{0,62}", database) or database.lower() in RESERVED_NAMES:
        yield Problem(
            "database_name",
            database,
            "It is a letter and up to 62 letters, digits and underscores, and not a name of the engine's own.",
            "Use airflow.",
        )
    yield from _given_login(stack, name)


def _given_login(stack: Mapping[str, Any], name: str) -> Iterator[Problem]:
    """Clusters and MySQL take shorter ones than RDS for PostgreSQL does."""
    given = (stack.get("secrets_given") or {}).get("database") or {}
    if name == "postgres":
        return
    for key, longest in (("username", 16), ("password", 41)):
        if len(str(given.get(key) or "")) > longest:
            rule = f"{name} takes {longest} characters at most."
            yield Problem(f"secrets_given.database.{key}", HIDDEN, rule, "Give a shorter one.")


def port(stack: Mapping[str, Any], facts: Facts) -> Iterator[Problem]:
    """RDS listens on ports of a range."""
    given = stack.get("database_port")
    if given is None or _engine(stack) is None:
        return
    number = _whole(given)
    if number is None or not SMALLEST_PORT <= number <= LARGEST_PORT:
        rule = f"RDS listens on a port from {SMALLEST_PORT} to {LARGEST_PORT}."
        yield Problem("database_port", given, rule, "Use 5432 (PostgreSQL), 3306 (MySQL) or another of that range.")


def parameters(stack: Mapping[str, Any], facts: Facts) -> Iterator[Problem]:
    """Parameters leave TLS alone."""
    for name, value in (stack.get("database_parameters") or {}).items():
        if name in TLS and str(value).lower() not in ("1", "true", "on", "yes"):
            yield Problem(
                f"database_parameters.{name}",
                value,
                "The database is only reached by TLS, whatever its parameters say.",
                "Leave it out.",
            )


def monitoring(stack: Mapping[str, Any], facts: Facts) -> Iterator[Problem]:
    """Enhanced monitoring has a rhythm that RDS knows."""
    given = stack.get("database_monitoring_interval", 0)
    if _engine(stack) is not None and _whole(given) not in MONITORING:
        rule = f"Enhanced monitoring measures every {', '.join(map(str, MONITORING[1:]))} seconds, or never (0)."
        yield Problem("database_monitoring_interval", given, rule, "Use 60, or 0.")
    elif _engine(stack) is not None and _whole(given) and not stack.get("database_monitoring_role_arn"):
        rule = "Enhanced monitoring acts as an IAM role, and database_monitoring_role_arn names none."
        yield Problem("database_monitoring_interval", given, rule, "Name one, or use 0.")


def key(stack: Mapping[str, Any], facts: Facts) -> Iterator[Problem]:
    """Data is encrypted with a key of the stack's own region."""
    given = str(stack.get("database_kms_key_id") or "")
    if not given.startswith("arn:"):
        return
    match = re.fullmatch(r"arn:aws[a-z-]*:kms:(?P<region>[a-z0-9-]+):\d{12}:(key|alias)/.+", given)
    if match is None or match["region"] != stack["stack_region"]:
        rule = f"It is no ARN of a KMS key in {stack['stack_region']}, and RDS takes keys of its own region only."
        yield Problem("database_kms_key_id", given, rule, "Give the ARN, id or alias of a key there, or none.")


def events(stack: Mapping[str, Any], facts: Facts) -> Iterator[Problem]:
    """Events go to a topic of the stack's region."""
    given = stack.get("database_event_topic_arn")
    if not given:
        return
    match = re.fullmatch(r"arn:(?P<partition>aws[a-z-]*):sns:(?P<region>[a-z0-9-]+):\d{12}:[A-Za-z0-9_-]+", str(given))
    if match is None:
        yield Problem("database_event_topic_arn", given, "It is no ARN of an SNS topic.", "Give one, or none.")
    elif match["region"] != stack["stack_region"]:
        yield Problem(
            "database_event_topic_arn",
            given,
            f"RDS tells events to topics of its own region only, {stack['stack_region']}.",
            "Use a topic there.",
        )


def existing(stack: Mapping[str, Any], facts: Facts) -> Iterator[Problem]:
    """A database that is given is described in full, has its password, and is not to be made anew as well."""
    given = stack.get("database_existing")
    if not given:
        return
    if not isinstance(given, Mapping):
        yield Problem("database_existing", given, "It is a dictionary.", f"Give {', '.join(EXISTING_KEYS)}.")
        return
    missing = [key for key in EXISTING_KEYS if not given.get(key)]
    unknown = [str(key) for key in given if key not in EXISTING_KEYS]
    if missing or unknown:
        yield Problem(
            "database_existing",
            ", ".join(missing + unknown),
            f"It has {', '.join(EXISTING_KEYS)}, each of them and nothing else.",
            f"{'Add' if missing else 'Take out'} {', '.join(missing or unknown)}.",
        )
    yield from _existing_values(given)
    contradicting = [key for key, default in OF_A_NEW_ONE.items() if stack.get(key, default) != default]
    if contradicting:
        yield Problem(
            "database_existing",
            ", ".join(contradicting),
            "These are settings of a new database, and a database is given, which the stack never changes.",
            "Take them out, or take out database_existing.",
        )
    secret = (stack.get("secrets_given") or {}).get("database") or {}
    for login in ("username", "password"):
        if not secret.get(login):
            rule = "A database is given, and nothing says how to log in to it."
            yield Problem(f"secrets_given.database.{login}", HIDDEN, rule, f"Give the {login} that it has for Airflow.")


def _existing_values(given: Mapping[str, Any]) -> Iterator[Problem]:
    if given.get("host") and not HOST.fullmatch(str(given["host"])):
        rule = "It is no name or address of a host."
        yield Problem("database_existing.host", given["host"], rule, "Give the name alone, without scheme and port.")
    number = _whole(given.get("port"))
    if given.get("port") and (number is None or not 1 <= number <= LARGEST_PORT):
        rule = f"A port is 1 to {LARGEST_PORT}."
        yield Problem("database_existing.port", given["port"], rule, "Give the port that the database listens on.")
    if given.get("engine") and given["engine"] not in ("postgresql", "mysql"):
        rule = "Airflow's metadata is kept by PostgreSQL or MySQL."
        yield Problem("database_existing.engine", given["engine"], rule, "Say postgresql or mysql.")


def _number(value: Any) -> float | None:
    try:
        number = float(value)
    except (TypeError, ValueError):
        return None
    return number if isfinite(number) else None


def _whole(value: Any) -> int | None:
    number = _number(value)
    return int(number) if number is not None and number == int(number) else None


RULES = (
    engine,
    driver,
    instance_class,
    serverless,
    storage,
    backups,
    availability,
    names,
    port,
    parameters,
    monitoring,
    key,
    events,
    existing,
)
