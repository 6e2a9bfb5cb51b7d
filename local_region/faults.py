"""Errors as each AWS protocol spells them, so that SDKs parse and retry them as they do AWS's own."""

from __future__ import annotations

import json
from xml.sax.saxutils import escape

MESSAGE = "Injected by the control API."
REQUEST_ID = "00000000-0000-4000-8000-000000000000"

Headers = list[tuple[str, str]]


def error_response(protocol: str, code: str, message: str = MESSAGE) -> tuple[Headers, bytes]:
    """Return headers and body of an error; protocol is botocore's name (ec2, query, json, rest-json, rest-xml, ...)."""
    headers: Headers = [("x-amzn-requestid", REQUEST_ID)]
    if protocol in ("json", "rest-json", "smithy-rpc-v2-cbor"):
        headers += [("x-amzn-errortype", code), ("Content-Type", "application/json")]
        if protocol == "smithy-rpc-v2-cbor":
            headers[-1] = ("Content-Type", "application/cbor")
            headers.append(("smithy-protocol", "rpc-v2-cbor"))
            return headers, cbor_map({"__type": code, "message": message})
        return headers, json.dumps({"__type": code, "message": message}).encode()
    error = f"<Code>{escape(code)}</Code><Message>{escape(message)}</Message>"
    if protocol == "ec2":
        body = f"<Response><Errors><Error>{error}</Error></Errors><RequestID>{REQUEST_ID}</RequestID></Response>"
    elif protocol == "s3":
        body = f"<Error>{error}<RequestId>{REQUEST_ID}</RequestId></Error>"
    else:
        error = f"<Error><Type>Sender</Type>{error}</Error>"
        body = f"<ErrorResponse>{error}<RequestId>{REQUEST_ID}</RequestId></ErrorResponse>"
    return [*headers, ("Content-Type", "text/xml")], f'<?xml version="1.0"?>{body}'.encode()


def cbor_map(members: dict[str, str]) -> bytes:
    """Return a CBOR map of short texts (RFC 8949)."""

    def text(value: str) -> bytes:
        data = value.encode()
        head = bytes([0x60 | len(data)]) if len(data) < 24 else bytes([0x78, len(data)])
        return head + data

    return bytes([0xA0 | len(members)]) + b"".join(text(key) + text(value) for key, value in members.items())
