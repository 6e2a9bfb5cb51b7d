"""A provider of OpenID Connect that insists on what a real one does: the client's secret, PKCE and the nonce."""

from pathlib import Path

import oidc_provider_mock
import uvicorn
from flask import abort, request

SECRET = Path("/run/provider-secret").read_text()
app = oidc_provider_mock.app(require_nonce=True)


@app.before_request
def client_is_the_one() -> None:
    """Refuse a client without the secret, and a request that others could use."""
    if request.path == "/oauth2/token":
        given = request.authorization
        if given is None or (given.username, given.password) != ("airflow", SECRET):
            abort(401)
        if not request.form.get("code_verifier"):
            abort(400)
    if request.path == "/oauth2/authorize" and request.args.get("code_challenge_method") != "S256":
        abort(400)


uvicorn.run(
    app,
    interface="wsgi",
    port=9443,
    ssl_certfile="/etc/molecule/server.crt",
    ssl_keyfile="/etc/molecule/server.key",
)
