"""The HTTPS servers from which hosts fetch Amazon's RDS authorities; here they hand out the region's own."""

from __future__ import annotations

import logging
import ssl
import tempfile
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any

from local_region.engine import RESOLVER_ADDRESS

if TYPE_CHECKING:
    from local_region.region import Region

log = logging.getLogger(__name__)

# Host -> the path of its bundle of all regions. Regional bundles (/<region>/<region>-bundle.pem) are alike.
HOSTS = ("truststore.pki.rds.amazonaws.com", "rds-truststore.s3.cn-north-1.amazonaws.com.cn")


def is_bundle(path: str) -> bool:
    """Return whether a request's path names a bundle of authorities."""
    parts = path.partition("?")[0].strip("/").split("/")
    return len(parts) == 2 and parts[1] == f"{parts[0]}-bundle.pem"


class TrustStore:
    """One HTTPS server behind the metadata address, with a certificate for each host name."""

    name = "truststore"

    def __init__(self, region: Region) -> None:
        self.region = region
        self.server: ThreadingHTTPServer | None = None

    def reconcile(self) -> None:
        """Start the server once."""
        if self.server is None:
            self.server = self._serve()
            self.region.names.update(dict.fromkeys(HOSTS, RESOLVER_ADDRESS))

    def known(self) -> set[tuple[str, str]]:
        """Return nothing: there is no container."""
        return set()

    def _serve(self) -> ThreadingHTTPServer:
        region = self.region

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                body = region.authority.pem if is_bundle(self.path) else b""
                self.send_response(200 if body else 404)
                self.send_header("Content-Type", "application/x-pem-file")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: Any) -> None:
                log.debug(format, *args)

        class Server(ThreadingHTTPServer):
            daemon_threads = True

            def verify_request(self, request: Any, client_address: Any) -> bool:
                # The port is open on every interface, because redirected packets arrive on the bridges' addresses.
                return region.network.allows(client_address[0])

        server = Server(("0.0.0.0", region.port + 1), Handler)
        context = self._context()
        # The handshake belongs to the connection's own thread: a client that says nothing must not stall the others.
        server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
        threading.Thread(target=server.serve_forever, daemon=True, name="truststore").start()
        return server

    def _context(self) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        certificate, key = self.region.authority.issue(*HOSTS)
        with tempfile.TemporaryDirectory() as folder:  # ssl reads files only
            pem = Path(folder) / "server.pem"
            pem.touch(mode=0o600)
            pem.write_bytes(certificate + key)
            context.load_cert_chain(pem)
        return context
