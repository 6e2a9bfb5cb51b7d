"""What can be wrong with an image, one fault at least for each rule of the seal and for each place that it names.

Run as a program, it plants all of them in the file system below a folder: faults.py DIR
"""

import sys
from pathlib import Path
from typing import NamedTuple


class Fault(NamedTuple):
    """A file that ought not to be there, or not like this. Without content it is a folder."""

    path: str
    content: str | None = "planted\n"
    mode: int = 0o644


HASH = "$6$salt$HcWnOC9FI.DjoUHXqrQIUKXzGwHSMIhzgHXJXPwPvm0zbVEKc5jWPMNsiCVXpqlG5v6Q0eHqXHHTPrMGRQ3Kz1"

# In two parts each, so that no scanner of repositories takes them for real.
SECRETS = {
    "AWS access key": "aws_access_key_id = AKIA" + "IOSFODNN7EXAMPLE\n",
    "AWS secret key": "aws_secret_access_key = wJalrXUtnFEMI/K7MDENG/" + "bPxRfiCYEXAMPLEKEY\n",
    "private key": "-----BEGIN OPENSSH PRIVATE " + "KEY-----\nb3BlbnNzaC1rZXktdjEAAAAABG5vbmUAAAAEbm9uZQ\n",
    "Fernet key": "fernet_key = 81HqDtbqAywKSOumSha3BhWNOdQ26slT6K0Y" + "aZeZyPs=\n",
    "password in a URL": "PIP_INDEX_URL=https://builder:" + "hunter2@packages.example.org/simple\n",
}

# What looks like a secret at first glance.
NO_SECRETS = """
fernet_key =
aws_secret_access_key = {{ vault }}
# https://user:password is refused; see https://example.org:8080/@someone and redis://broker:6379/0
proxy = http://${PROXY_USER}:${PROXY_PASSWORD}@proxy.example.org
-----BEGIN PRIVATE KEY-----
-----BEGIN CERTIFICATE-----
MIIDQTCCAimgAwIBAgITBmyfz5m/jAo54vB4ikPmljZbyjANBgkqhkiG9w0BAQsF
0xYJCNkh8AsEivnmevPeWFmYfklKM8zRBu4kZPsSI4ppJIAzjKICeXA6tEXyQvg=
lSg1ziwriQzPwoAmEKxFm1YAX9ZOgdkEpYsSqzLYgAdUv3AUQvJgtxgqWkLf1234
c29tZXRoaW5nIGJhc2U2NCB3aXRob3V0IHNsYXNoZXM=
-----END CERTIFICATE-----
sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08
"""


def everywhere(*folders: str, name: str, **fault: object) -> list[Fault]:
    """Return the same fault in several folders."""
    return [Fault(f"{folder}/{name}", **fault) for folder in folders]


# (rule, its path) -> faults.
FAULTS = {
    ("absent", "/{root,home/*}/.ssh/*"): everywhere("/root/.ssh", "/home/admin/.ssh", name="authorized_keys"),
    ("absent", "/etc/ssh/ssh_host_*"): [Fault("/etc/ssh/ssh_host_ed25519_key", mode=0o600)],
    ("locked", "/etc/{passwd,shadow,gshadow}"): [
        Fault("/etc/passwd", "toor::0:0::/root:/bin/sh\n"),
        Fault("/etc/shadow", f"admin:{HASH}:20000:0:99999:7:::\n", 0o640),
        Fault("/etc/shadow", f"suspended:!{HASH}:20000:0:99999:7:::\n", 0o640),
        Fault("/etc/shadow", "guest::20000:0:99999:7:::\n", 0o640),
        Fault("/etc/gshadow", f"docker:{HASH}::\n", 0o640),
    ],
    ("absent", "/etc/{passwd,shadow,group,gshadow}-"): [
        Fault(f"/etc/{name}-") for name in ("passwd", "shadow", "group", "gshadow")
    ],
    ("absent", "/var/backups/*"): [Fault("/var/backups/shadow.bak")],
    ("absent", "/etc/ssl/{certs,private}/ssl-cert-snakeoil.*"): [
        Fault("/etc/ssl/certs/ssl-cert-snakeoil.pem"),
        Fault("/etc/ssl/private/ssl-cert-snakeoil.key", mode=0o640),
    ],
    ("empty", "/etc/machine-id"): [Fault("/etc/machine-id", "e3f6a1b2c4d5e6f708192a3b4c5d6e7f\n")],
    ("absent", "/var/lib/dbus/machine-id"): [Fault("/var/lib/dbus/machine-id")],
    ("absent", "/var/lib/systemd/random-seed"): [Fault("/var/lib/systemd/random-seed")],
    ("absent", "/var/lib/systemd/credential.secret"): [Fault("/var/lib/systemd/credential.secret")],
    ("absent", "/var/lib/cloud/*"): [Fault("/var/lib/cloud/instances/i-0123/user-data.txt")],
    ("absent", "/var/lib/amazon/ssm/*"): [Fault("/var/lib/amazon/ssm/Vault/Store/EC2RegistrationKey")],
    ("absent", "/etc/netplan/50-cloud-init.yaml"): [Fault("/etc/netplan/50-cloud-init.yaml")],
    ("absent", "/etc/network/interfaces.d/50-cloud-init*"): [Fault("/etc/network/interfaces.d/50-cloud-init")],
    ("absent", "/etc/systemd/network/10-cloud-init-*"): [Fault("/etc/systemd/network/10-cloud-init-ens5.network")],
    ("absent", "/var/lib/dhcp/*.leases"): [Fault("/var/lib/dhcp/dhclient.ens5.leases")],
    ("absent", "/root/airflow"): [Fault("/root/airflow/airflow.cfg")],
    ("absent", "/var/lib/airflow/airflow.cfg"): [Fault("/var/lib/airflow/airflow.cfg")],
    ("absent", "/var/lib/airflow/simple_auth_manager_passwords*"): [
        Fault("/var/lib/airflow/simple_auth_manager_passwords.json.generated")
    ],
    ("absent", "/{root,home/*}/.{aws,netrc}"): [
        *everywhere("/root", "/home/admin", name=".aws/credentials"),
        *everywhere("/root", "/home/admin", name=".netrc"),
    ],
    ("absent", "/var/{crash,lib/systemd/coredump}/*"): [
        Fault("/var/crash/_opt_airflow_bin_airflow.990.crash"),
        Fault("/var/lib/systemd/coredump/core.airflow.990.zst"),
    ],
    ("secret_free", "/{etc,root,home,srv,opt/airflow/share,usr/local,var/lib/airflow,var/lib/cloud,var/spool}/**/*"): [
        *(Fault("/etc/pip.conf", secret) for secret in SECRETS.values()),
        *everywhere("/root", "/home/admin", "/srv", name="notes.txt", content=SECRETS["AWS secret key"]),
        Fault("/opt/airflow/share/defaults/airflow.cfg", SECRETS["Fernet key"]),
        Fault(
            "/usr/local/share/service.json", '{"private_key": "' + SECRETS["private key"].replace("\n", "\\n") + '"}'
        ),
        Fault("/var/lib/airflow/webserver_config.py", SECRETS["password in a URL"]),
        Fault("/var/lib/cloud/seed/nocloud/user-data", SECRETS["AWS access key"]),
        Fault("/var/spool/cron/crontabs/root", SECRETS["password in a URL"], 0o600),
    ],
    ("read_only", "/{etc,opt,usr,var/lib/airflow}"): [
        Fault(folder, None, 0o777) for folder in ("/etc", "/opt", "/usr", "/var/lib/airflow")
    ],
    ("read_only", "/{etc,opt,usr,var/lib/airflow}/**/*"): [
        Fault("/etc/airflow", None, 0o775),
        Fault("/opt/airflow/lib/python3.13/site-packages/plugin.py", mode=0o666),
        Fault("/usr/local/bin/airflow-helper", mode=0o775),
        Fault("/usr/local/lib/airflow-host", None, 0o777),
        Fault("/var/lib/airflow/dags", None, 0o775),
    ],
    ("unprivileged", "/{etc,home,opt,root,srv,usr/local,var}/**/*"): [
        *everywhere("/etc", "/home/admin", "/opt/airflow/bin", "/root", name="shell", mode=0o4755),
        *everywhere("/srv", "/usr/local/bin", "/var/lib/airflow", name="shell", mode=0o2755),
    ],
    ("absent", "/{root,home/*}/.{*_history,lesshst,viminfo}"): [
        *everywhere("/root", "/home/admin", name=".bash_history"),
        *everywhere("/root", "/home/admin", name=".lesshst"),
        *everywhere("/root", "/home/admin", name=".viminfo"),
    ],
    ("absent", "/{root,home/*}/.ansible"): everywhere("/root", "/home/admin", name=".ansible/tmp/x"),
    ("absent", "/home/*/.sudo_as_admin_successful"): [Fault("/home/admin/.sudo_as_admin_successful", "")],
    ("absent", "/var/log/{apt,journal,amazon}/*"): [
        Fault("/var/log/apt/eipp.log.xz"),
        Fault("/var/log/journal/e3f6a1b2c4d5e6f708192a3b4c5d6e7f/system.journal"),
        Fault("/var/log/amazon/ssm/errors"),
    ],
    ("absent", "/var/log/**/*.{log,log.*,gz}"): [
        Fault("/var/log/cloud-init.log"),
        Fault("/var/log/unattended-upgrades/unattended-upgrades.log.1"),
        Fault("/var/log/chrony/tracking.gz"),
    ],
    ("absent", "/var/log/syslog*"): [Fault("/var/log/syslog.1")],
    ("absent", "/var/{log/wtmp*,lib/wtmpdb/*,lib/lastlog/*}"): [
        Fault("/var/log/wtmp"),
        Fault("/var/log/wtmp.db"),
        Fault("/var/lib/wtmpdb/wtmp.db"),
        Fault("/var/lib/lastlog/lastlog2.db"),
    ],
    ("empty", "/var/log/**/*"): [Fault("/var/log/btmp"), Fault("/var/log/private/messages")],
    ("absent", "/tmp/*"): [Fault("/tmp/packer-provisioner")],
    ("absent", "/var/tmp/*"): [Fault("/var/tmp/airflow-install/lock.txt")],
    ("absent", "/{root,home/*}/.cache"): everywhere("/root", "/home/admin", name=".cache/pip/http/a"),
    ("absent", "/var/lib/apt/lists/*"): [Fault("/var/lib/apt/lists/deb.debian.org_debian_dists_trixie_InRelease")],
    ("absent", "/var/cache/apt/{archives/*.deb,*.bin}"): [
        Fault("/var/cache/apt/archives/rsync_3.4.1_arm64.deb"),
        Fault("/var/cache/apt/pkgcache.bin"),
    ],
    ("absent", "/var/cache/dnf/*"): [Fault("/var/cache/dnf/amazonlinux.solv")],
}


def plant(root: Path, fault: Fault) -> Path:
    """Bring a fault about below a folder; what a file has already stays in it."""
    path = root / fault.path[1:]
    if fault.content is None:
        path.mkdir(parents=True, exist_ok=True)
    else:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("a") as file:
            file.write(fault.content)
    path.chmod(fault.mode)
    return path


if __name__ == "__main__":
    for faults in FAULTS.values():
        for each in faults:
            plant(Path(sys.argv[1]), each)
