"""Metrics of Airflow and of this host: StatsD in, Prometheus's text out, some of them to CloudWatch every minute."""

from __future__ import annotations

import socket
import sys
import threading
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from airflow_host import statsd
from airflow_host.statsd import Series, Store

if TYPE_CHECKING:
    from prometheus_client import Metric

STATSD = ("127.0.0.1", 8125)
PORT = 9102
PUBLISH_SECONDS = 60.0
HOST_METRICS = ("host_cpu_used_percent", "host_memory_used_percent", "host_disk_used_percent")


def host(folder: Path) -> dict[str, float]:
    """Return this host's load by metric, in per cent; the processors' is of the time since the last call."""
    import psutil

    used = (psutil.cpu_percent(), psutil.virtual_memory().percent, psutil.disk_usage(str(folder)).percent)
    return dict(zip(HOST_METRICS, used, strict=True))


class Collector:
    """What Prometheus's client asks for the metrics of a store."""

    def __init__(self, store: Store, load: Mapping[str, float]) -> None:
        self._store, self._load = store, load

    def collect(self) -> Iterator[Metric]:
        """Yield each metric with its series."""
        from prometheus_client import Metric

        for name, value in self._load.items():
            metric = Metric(name, name, "gauge")
            metric.add_sample(name, {}, value)
            yield metric
        for name, (kind, rows) in self._store.families().items():
            yield _family(name, kind, rows)


def _family(name: str, kind: str, rows: Iterable[tuple[Series, float, int]]) -> Metric:
    from prometheus_client import Metric

    if kind == statsd.TIMER:
        metric = Metric(f"{name}_seconds", name, "summary")
    else:
        metric = Metric(name, name, {statsd.COUNTER: "counter", statsd.GAUGE: "gauge"}[kind])
    for series, value, count in rows:
        labels = dict(series.labels)
        if kind == statsd.TIMER:
            metric.add_sample(f"{name}_seconds_sum", labels, value / 1000)
            metric.add_sample(f"{name}_seconds_count", labels, count)
        else:
            metric.add_sample(f"{name}_total" if kind == statsd.COUNTER else name, labels, value)
    return metric


def metric_data(airflow: Mapping[str, float], load: Mapping[str, float], name: str) -> list[dict[str, Any]]:
    """Return what CloudWatch is told: Airflow's metrics of all hosts are one, a host's are its own and one of all."""
    rows: list[dict[str, Any]] = [{"MetricName": metric, "Value": value} for metric, value in airflow.items()]
    for metric, value in load.items():
        row = {"MetricName": metric, "Value": value, "Unit": "Percent"}
        rows += [row, {**row, "Dimensions": [{"Name": "Host", "Value": name}]}]
    return rows


def _publish(store: Store, load: dict[str, float], folder: Path, namespace: str, published: Sequence[Series]) -> None:
    import boto3
    from botocore.config import Config
    from botocore.exceptions import BotoCoreError, ClientError

    config = Config(connect_timeout=5, read_timeout=10, retries={"mode": "standard", "max_attempts": 3})
    client, name = None, socket.getfqdn()
    while True:
        time.sleep(PUBLISH_SECONDS)
        load.update(host(folder))
        airflow = store.take(published)
        if not namespace:
            continue
        try:
            client = client or boto3.client("cloudwatch", config=config)
            client.put_metric_data(Namespace=namespace, MetricData=metric_data(airflow, load, name))
        except (BotoCoreError, ClientError) as error:
            # What a metric was is of no use later: the next minute has its own.
            print(f"CloudWatch: {error}", file=sys.stderr, flush=True)


def _receive(receiver: socket.socket, store: Store) -> None:
    said = False
    while True:
        for sample in statsd.parse(receiver.recv(65535).decode(errors="replace")):
            store.add(sample)
        if store.left_out and not said:
            said = True
            print(
                f"some metrics are left out: there are {statsd.MOST_SERIES} series, or one name has two kinds",
                file=sys.stderr,
                flush=True,
            )


def serve(address: str, namespace: str, published: Iterable[str], folder: Path) -> None:
    """Serve for ever. `address` listens for Prometheus, `published` are series as Airflow's StatsD writes them."""
    from prometheus_client import CollectorRegistry, start_http_server

    store, load, registry = Store(), host(folder), CollectorRegistry()
    registry.register(Collector(store, load))
    receiver = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    receiver.bind(STATSD)
    start_http_server(PORT, addr=address, registry=registry)
    threading.Thread(target=_receive, args=(receiver, store), daemon=True).start()
    _publish(store, load, folder, namespace, [statsd.series(text) for text in published])
