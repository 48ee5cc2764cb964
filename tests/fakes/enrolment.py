"""Enrolment servers on loopback, with real TLS and a real CA: EST (RFC 7030), and step-ca's HTTPS interface."""

from __future__ import annotations

import base64
import json
import ssl
import subprocess
import threading
from dataclasses import dataclass, field
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, Self

from agent.certificates import Certificate, public_key, read_der, read_pem

if TYPE_CHECKING:
    from fakes.certificates import Authority

EST = "/.well-known/est"


@dataclass
class Call:
    """A request as it came, and the certificate it came with."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes
    client: Certificate | None


@dataclass
class Reply:
    status: int
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)


class EnrolmentServer:
    """What both have in common; `calls` as they came, `since` and `until` those of the next certificate.

    `override` answers in place of the server, `codes` are good once.
    """

    def __init__(self, authority: Authority, *, hosts: tuple[str, ...] = ("localhost",)) -> None:
        self.authority = authority
        self.codes: set[str] = set()
        self.calls: list[Call] = []
        self.override: Reply | None = None
        self.since, self.until = timedelta(days=-1), timedelta(days=29)
        own = authority.server(hosts=hosts)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(own.certificate, own.key)
        context.load_verify_locations(authority.ca)
        context.verify_mode = ssl.CERT_OPTIONAL
        self._server = _Listener(self, context)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,))

    @property
    def url(self) -> str:
        return f"https://localhost:{self._server.server_address[1]}"

    @property
    def port(self) -> int:
        return int(self._server.server_address[1])

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def answer(self, call: Call) -> Reply:
        raise NotImplementedError

    def _sign(self, request: str) -> str:
        return self.authority.sign(request, since=self.since, until=self.until)


class EstServer(EnrolmentServer):
    """A claim code is the password of HTTP Basic; a renewal must have the names of the certificate it comes with."""

    def answer(self, call: Call) -> Reply:
        if (call.method, call.path) == ("GET", f"{EST}/cacerts"):
            return _certs_only(self.authority.ca.read_text())
        if call.method != "POST" or call.headers.get("content-type") != "application/pkcs10":
            return Reply(400, b"expected application/pkcs10")
        request = _openssl("req", "-inform", "DER", given=base64.b64decode(call.body)).decode()
        if call.path == f"{EST}/simpleenroll" and self._claimed(call):
            return _certs_only(self._sign(request))
        if call.path == f"{EST}/simplereenroll" and call.client is not None:
            subject = _openssl(
                "req", "-noout", "-subject", "-nameopt", "multiline", given=request.encode()
            ).decode()
            if f"= {call.client.name}\n" not in subject:
                return Reply(400, b"the subject must be that of the certificate")
            return _certs_only(self._sign(request))
        return Reply(401, b"", {"WWW-Authenticate": 'Basic realm="estrealm"'})

    def _claimed(self, call: Call) -> bool:
        word = call.headers.get("authorization", "").removeprefix("Basic ")
        code = base64.b64decode(word).decode().partition(":")[2]
        if code not in self.codes:
            return False
        self.codes.remove(code)
        return True


class StepServer(EnrolmentServer):
    """The paths of step-ca: /1.0/root/SHA256, /1.0/roots, /1.0/sign, /1.0/renew; tokens are not signed here."""

    def token(self, subject: str, *, sha: str | None = None, **claims: Any) -> str:
        """As `step ca token` makes one, good once."""
        (root,) = read_pem(self.authority.ca.read_text())
        facts = {"sub": subject, "aud": f"{self.url}/1.0/sign", "sha": sha or root.fingerprint, **claims}
        parts = [{"alg": "ES256", "typ": "JWT"}, facts]
        encoded = [
            base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=").decode() for part in parts
        ]
        self.codes.add(text := f"{encoded[0]}.{encoded[1]}.c2lnbmF0dXJl")
        return text

    def answer(self, call: Call) -> Reply:
        if call.path.startswith("/1.0/root"):
            return self._root(call.path)
        if call.path == "/1.0/sign":
            wish = json.loads(call.body)
            if wish["ott"] in self.codes:
                self.codes.remove(wish["ott"])
                return self._issued(wish["csr"])
        if call.path == "/1.0/renew" and call.client is not None:
            return self._issued(self._last)
        return _json(401, {"status": 401, "message": "The request lacked necessary authorization"})

    def _root(self, path: str) -> Reply:
        ca = self.authority.ca.read_text()
        if path == "/1.0/roots":
            return _json(201, {"crts": [ca]})
        if path == f"/1.0/root/{read_pem(ca)[0].fingerprint}":
            return _json(200, {"ca": ca})
        return _json(404, {"status": 404, "message": "root certificate was not found"})

    def _issued(self, request: str) -> Reply:
        self._last, issued, ca = request, self._sign(request), self.authority.ca.read_text()
        return _json(201, {"crt": issued, "ca": ca, "certChain": [issued, ca]})


def key_of(request: str) -> bytes:
    """The public key in a request, to be compared with Certificate.public_key."""
    pem = _openssl("req", "-noout", "-pubkey", given=request.encode())
    return public_key(_openssl("pkey", "-pubin", "-outform", "DER", given=pem))


def _certs_only(pem: str) -> Reply:
    message = _openssl(
        "crl2pkcs7", "-nocrl", "-certfile", "/dev/stdin", "-outform", "DER", given=pem.encode()
    )
    headers = {
        "Content-Type": "application/pkcs7-mime; smime-type=certs-only",
        "Content-Transfer-Encoding": "base64",
    }
    return Reply(200, base64.encodebytes(message), headers)


def _json(status: int, facts: dict[str, Any]) -> Reply:
    return Reply(status, json.dumps(facts).encode(), {"Content-Type": "application/json"})


def _openssl(*words: str, given: bytes) -> bytes:
    return subprocess.run(["openssl", *words], input=given, check=True, capture_output=True).stdout


class _Listener(ThreadingHTTPServer):
    daemon_threads = False

    def __init__(self, server: EnrolmentServer, context: ssl.SSLContext) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.made_for, self._context = server, context

    def finish_request(self, request: Any, client_address: Any) -> None:
        """TLS in the connection's own thread."""
        try:
            secured = self._context.wrap_socket(request, server_side=True)
        except OSError:  # the client did not trust us, or hung up
            return
        with secured:
            _Handler(secured, client_address, self)


class _Handler(BaseHTTPRequestHandler):
    server: _Listener
    timeout = 10.0

    def do_GET(self) -> None:
        self._serve()

    def do_POST(self) -> None:
        self._serve()

    def _serve(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length") or 0))
        der = self.connection.getpeercert(binary_form=True)
        client = read_der(der) if der else None
        headers = {name.lower(): value for name, value in self.headers.items()}
        call = Call(self.command, self.path, headers, body, client)
        made_for = self.server.made_for
        made_for.calls.append(call)
        reply = made_for.override or made_for.answer(call)
        self.send_response(reply.status)
        for name, value in {**reply.headers, "Content-Length": str(len(reply.body))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(reply.body)

    def log_message(self, *_: object) -> None:
        """Not on the terminal."""
