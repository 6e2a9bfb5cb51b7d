"""The trust stores of RDS: a host fetches the region's authority where it would fetch Amazon's."""

from __future__ import annotations

import ssl
import urllib.error
import urllib.request
from collections.abc import Callable
from typing import Any

import pytest

URLS = (
    "https://truststore.pki.rds.amazonaws.com/global/global-bundle.pem",
    "https://rds-truststore.s3.cn-north-1.amazonaws.com.cn/global/global-bundle.pem",
)


def test_hosts_fetch_the_bundle(cloud: Any, launch: Callable[..., Any], ssh: Callable[..., Any], until: Any) -> None:
    host = launch()
    until(lambda: ssh(host.ip, "true").returncode == 0, what="ssh")
    for url in URLS:
        fetched = ssh(host.ip, f"curl --silent --show-error --fail {url}")
        assert fetched.returncode == 0, fetched.stderr
        assert fetched.stdout == cloud.control("GET", "state")["ca"]
    assert ssh(host.ip, "curl --silent --fail https://truststore.pki.rds.amazonaws.com/other").returncode == 22


def test_it_is_there_for_the_regions_own_only(cloud: Any) -> None:
    context = ssl._create_unverified_context()
    body = urllib.request.urlopen(
        f"https://127.0.0.1:{cloud.port + 1}/cn-north-1/cn-north-1-bundle.pem", context=context
    )
    assert body.read().decode() == cloud.control("GET", "state")["ca"]
    with pytest.raises(urllib.error.HTTPError, match="404"):
        urllib.request.urlopen(f"https://127.0.0.1:{cloud.port + 1}/", context=context)
