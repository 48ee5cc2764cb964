"""Asking a server for the first certificate, and for the next."""

from __future__ import annotations

from pathlib import Path

from agent.certificates import read_pem
from agent.config import Enrolment
from agent.enrolment import openssl, step
from agent.enrolment.errors import EnrolmentFailed
from agent.enrolment.est import Est
from agent.enrolment.https import Server
from agent.enrolment.ours import Ours, make_key
from agent.enrolment.step import Step, read_token
from agent.rooted import below
from agent.writing import put

ROOT_CA = "enrolment-ca.pem"


def first(enrolment: Enrolment, ours: Ours, folder: Path, code: str, root: Path = Path("/")) -> str:
    """The first certificate with its chain, as PEM; the key is made where there is none.

    Raises:
        EnrolmentFailed: see the message.
        OSError: the key or the request cannot be written.
    """
    server = _server(enrolment, folder, root)
    if enrolment.by == "step":
        token = read_token(code)
        if token.subject != ours.gateway:
            raise EnrolmentFailed(
                f"the token is for {token.subject}, and this gateway is {ours.gateway}; "
                f"make one: step ca token {ours.gateway}"
            )
        server = _trusted(server, token, folder)
        request = _request(enrolment, ours, token.names)
        return Step(server).enrol(request, token)
    est = Est(server)
    authorities = est.ca_certificates()
    return est.enrol(_request(enrolment, ours, ()), ours.gateway, code) + _intermediates(authorities)


def next_one(enrolment: Enrolment, ours: Ours, folder: Path) -> str:
    """The certificate after the present one, for the same key; PEM.

    Raises:
        EnrolmentFailed: see the message.
        PermissionError: the key is not for this user.
    """
    openssl.check_readable(ours.key)
    server = _server(enrolment, folder, Path("/"))
    if enrolment.by == "step":
        return Step(server).renew(ours.pair)
    est = Est(server)
    authorities = est.ca_certificates()
    request = openssl.same_request(ours.key, ours.certificate)
    return est.renew(request, ours.pair) + _intermediates(authorities)


def _server(enrolment: Enrolment, folder: Path, root: Path) -> Server:
    ca = below(root, enrolment.ca) if enrolment.ca else folder / ROOT_CA
    return Server(str(enrolment.url), ca if enrolment.ca or ca.exists() else None)


def _trusted(server: Server, token: step.Token, folder: Path) -> Server:
    """Where no CA is named, the root that the token vouches for, kept for the renewals."""
    if server.ca is not None or not token.root:
        return server
    trusting = step.trusting_root(server, token.root)
    put(folder / ROOT_CA, trusting.ca_text.encode(), 0o644)
    return trusting


def _request(enrolment: Enrolment, ours: Ours, names: tuple[str, ...]) -> str:
    key = make_key(ours, enrolment.key_type, anew=False)
    text = openssl.request(key, ours.gateway, names)
    put(ours.request, text.encode(), 0o644)
    return text


def _intermediates(authorities: str) -> str:
    """Of the CA certificates those that go with ours: what signed itself the broker must know anyway."""
    return "".join(each.pem for each in read_pem(authorities) if each.is_ca and each.name != each.issuer)
