"""The finished image with a kernel of its own mounts its shared storage by NFS 4.1 in TLS: nothing is a stand-in.

The image boots under User-Mode Linux, the roles that configure every host write its units, and the mount target is an
NFS server of its own.
"""

import ipaddress
import json
import platform
import subprocess
import time
from pathlib import Path

import pytest
from docker.types import IPAMConfig, IPAMPool

from local_region import authority, guest, lifecycle, machine
from local_region.engine import Engine
from local_region.services import efs
from tests import ssh
from tests.playbook import run

pytestmark = [
    pytest.mark.skipif(platform.machine() != "x86_64", reason="User-Mode Linux is of x86-64"),
    pytest.mark.skipif(not Path("/dev/net/tun").exists(), reason="a machine's network needs /dev/net/tun"),
]

NAME = "storage"
CIDR = ipaddress.IPv4Network("10.86.0.0/24")
SERVER, GUEST = "10.86.0.10", "10.86.0.20"
FILE_SYSTEM = "fs-0123456789abcdef0"
DOMAIN = "efs.us-east-1.amazonaws.com"
FQDN = "ip-10-86-0-20.ec2.internal"
MOUNTED = "/mnt/airflow"
MACHINE = machine.options(cpus=1, memory=2048, disk=8, mac="02:00:00:00:00:20")


class Host:
    """The machine under test, by ssh."""

    def __init__(self, key):
        self.key = key

    def run(self, command, patience=90):
        return ssh.run(self.key, GUEST, command, patience=patience)

    def __call__(self, command):
        return ssh.output(self.key, GUEST, command, patience=90)

    def until(self, command, seconds):
        end = time.monotonic() + seconds
        while (done := self.run(command)).returncode:
            assert time.monotonic() < end, f"{command}: not within {seconds} s\n{done.stdout}\n{done.stderr}"
            time.sleep(1)
        return done.stdout.strip()


@pytest.fixture(scope="module")
def engine(home):
    """Docker, with the image in which machines and NFS servers run, and a network."""
    engine = Engine(NAME)
    engine.down()
    engine.machine_image = lifecycle.builder(lifecycle.Place(NAME, 0, home)).machine()
    pool = IPAMPool(subnet=str(CIDR), gateway=str(CIDR[1]))
    engine.docker.networks.create(NAME, ipam=IPAMConfig(pool_configs=[pool]), labels=engine.labels("vpc", NAME))
    yield engine
    engine.down()


@pytest.fixture(scope="module")
def server(engine, home):
    """The container of the mount target."""
    certificate, key = authority.ensure(home).issue(f"*.{DOMAIN}")
    return engine.create(
        efs.KIND,
        "target",
        network=NAME,
        ip=SERVER,
        files={f"{efs.HOME}/certificate.pem": (certificate, 0o644), f"{efs.HOME}/key.pem": (key, 0o600)},
        volumes={engine.volume(efs.VOLUME): {"bind": "/efs", "mode": "rw"}},
        init=True,
        **efs.server(engine, FILE_SYSTEM),
    )


@pytest.fixture(scope="module")
def host(engine, ami, server, tmp_path_factory):
    """A machine of the image, configured by the roles."""
    key = tmp_path_factory.mktemp("ssh") / "key"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key], check=True)
    names = guest.network(FQDN, GUEST, CIDR)
    hosts, mode = names["/etc/hosts"]
    files = {
        **guest.seed("i-storage", FQDN, key.with_suffix(".pub").read_text(), b""),
        **names,
        "/etc/hosts": (hosts + f"{SERVER} {FILE_SYSTEM}.{DOMAIN} {DOMAIN}\n".encode(), mode),
    }
    engine.create("instance", NAME, engine.machine_image, NAME, GUEST, files, guest=(machine.ROOT, ami), **MACHINE)
    host = Host(key)
    host.until("true", 120)
    assert host("systemd-detect-virt") == "uml"

    command = ["ansible-playbook", "tests/image/storage.yml", "-i", f"{GUEST},", "-u", "admin"]
    command += ["--private-key", str(key), "--ssh-common-args", " ".join(ssh.OPTIONS)]
    manifest = json.loads(host("cat /opt/airflow/share/manifest.json"))
    given = {"airflow_version": manifest["airflow"], "storage_server": f"{FILE_SYSTEM}.{DOMAIN}"}
    configured = run([*command, "-e", json.dumps(given)], {"ANSIBLE_INVENTORY_ENABLED": "ansible.builtin.host_list"})
    assert configured.returncode == 0, configured.tail
    host.until(f"findmnt {MOUNTED}", 60)
    return host


def test_the_mount_is_genuine_and_has_the_options_of_the_role(host):
    source, kind, options = host(f"findmnt --noheadings --output SOURCE,FSTYPE,OPTIONS {MOUNTED}").split()
    asked = host("sed -n s/^Options=//p /etc/systemd/system/mnt-airflow.mount").split(",")
    assert (source, kind) == ("127.0.0.1:/", "nfs4")
    assert "nfsvers=4.1" in asked
    # systemd keeps the last two to itself.
    assert {*asked, "vers=4.1"} - {"nfsvers=4.1", "_netdev", "nofail"} <= {*options.split(",")}


def test_what_is_written_is_on_the_server(host, server):
    host(f"sudo sh -c 'mkdir {MOUNTED}/dags && echo written >{MOUNTED}/dags/file && chown -R 1234:1234 {MOUNTED}/dags'")
    code, found = server.exec_run(["stat", "--format=%u %g %s", f"/efs/{FILE_SYSTEM}/dags/file"])
    assert (code, found.split()) == (0, [b"1234", b"1234", b"8"])


def test_a_server_that_went_away_is_waited_for_and_nothing_is_lost(host, server):
    server.kill()
    write = f"sudo sh -c 'echo late >{MOUNTED}/dags/late && sync {MOUNTED}/dags/late'"
    waiting = host.run(write, patience=5)
    assert waiting.returncode == 124, "a write ended while the server was away"
    server.start()
    host.until(f"grep -q late {MOUNTED}/dags/late", 90)
    assert host(f"cat {MOUNTED}/dags/file") == "written"


def test_without_tls_nothing_is_mounted(host):
    host(f"timeout 10 bash -c '</dev/tcp/{FILE_SYSTEM}.{DOMAIN}/2049'")
    plain = host.run(f"sudo mount -t nfs4 -o nfsvers=4.1,soft,timeo=50,retrans=1,retry=0 {FILE_SYSTEM}.{DOMAIN}:/ /mnt")
    assert plain.returncode != 0


def test_a_server_of_another_name_is_not_trusted(host):
    """Its certificate is good, for names below DOMAIN."""
    journal = "journalctl --unit='airflow-storage@*' --no-pager"
    assert "verif" not in host(journal).lower()
    host("sudo systemctl stop mnt-airflow.mount")
    host(f"sudo sed -i 's/{FILE_SYSTEM}.{DOMAIN}/{DOMAIN}/' /etc/airflow/storage-tunnel.conf")
    assert host.run("sudo timeout 30 systemctl start mnt-airflow.mount").returncode != 0
    assert "verif" in host(journal).lower()
