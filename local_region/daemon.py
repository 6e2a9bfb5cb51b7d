"""The process: moto behind the door, the resolver, and the loop that makes the API's word true."""

from __future__ import annotations

import logging
import os
import signal
import sys
import threading
from pathlib import Path

log = logging.getLogger(__name__)

# moto reads these when it is imported.
MOTO_SETTINGS = {
    "MOTO_IAM_LOAD_MANAGED_POLICIES": "true",
    "MOTO_ACM_VALIDATION_WAIT": "2",
    "MOTO_ENABLE_AMI_VALIDATION": "true",
}


def serve(name: str, port: int, home: Path, arm64: bool = False) -> None:
    """Run a region until SIGTERM or SIGINT. arm64: emulate that architecture."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s %(message)s", stream=sys.stderr)
    logging.getLogger("werkzeug").setLevel(logging.WARNING)
    os.environ.update(MOTO_SETTINGS, MOTO_PORT=str(port))

    from moto.moto_server.werkzeug_app import DomainDispatcherApplication, MotoRequestHandler, create_backend_app
    from werkzeug.serving import make_server

    from local_region import patches, services
    from local_region.calls import CallLog
    from local_region.door import Door
    from local_region.engine import LABEL
    from local_region.images.build import ARM64
    from local_region.reconciler import Reconciler
    from local_region.region import Region
    from local_region.resolver import Resolver
    from local_region.services.images import load_baked

    region = Region(name, port, home)
    region.engine.data_image = region.builder.data()
    if arm64:
        region.engine.machine_image = region.builder.machine(ARM64)
        region.builder.emulate({LABEL: name})
    region.baked = load_baked(region.engine, region.builder.home)
    patches.apply_all(region)
    region.network.up()
    Resolver(region.names, port, region.network.allows).start()
    calls = CallLog(region.state_dir / "calls.jsonl", region.principal)
    door = Door(region, DomainDispatcherApplication(create_backend_app), calls, region.wake.set)
    server = make_server("0.0.0.0", port, door, threaded=True, request_handler=MotoRequestHandler)
    Reconciler(region, services.create_all(region)).start()

    def stop(number: int, _frame: object) -> None:
        log.info("%s: the daemon ends", signal.Signals(number).name)
        threading.Thread(target=server.shutdown).start()

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    region.ready = True
    log.info("region %s answers on port %d", name, port)
    server.serve_forever()
    os._exit(0)  # jobs in flight hold nothing that `down` does not take away by label
