#!/usr/bin/env python3
"""What a new gateway meets, on loopback, for checks in a bare root: a CA by EST, a broker that trusts it.

ca_and_broker.py FOLDER    Serve until killed. FOLDER gets ca.pem and, once they answer, seed.toml for a
                           gateway with a gauge on /run/gauge; its claim code is good once. The first
                           certificate is due at once.
"""

from __future__ import annotations

import signal
import sys
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(CHECKOUT), str(CHECKOUT / "tests")]

from fakes.certificates import Authority  # noqa: E402
from fakes.enrolment import EstServer  # noqa: E402
from fakes.mosquitto import Mosquitto  # noqa: E402

ACL = CHECKOUT / "docs" / "platform" / "acl" / "mosquitto.acl"
SEED = """\
[station]
kind = "lamp_pole"
site = "provision-check"
gateway = "gateway-1"

[uplink]
url = "mqtts://localhost:{broker}"
ca = "ca.pem"

[enrolment]
by = "est"
url = "{est}"
ca = "ca.pem"
code = "once-4711"

[clock]
source = "system"

[devices.meter]
instrument = "eastron-sdm120"
port = "/run/gauge"
every_s = 1
"""


def main() -> None:
    folder = Path(sys.argv[1])
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    authority = Authority(folder / "authority")
    (folder / "ca.pem").write_text(authority.ca.read_text())
    with ExitStack() as stack:
        est = stack.enter_context(EstServer(authority))
        est.codes.add("once-4711")
        est.since, est.until = timedelta(days=-21), timedelta(days=9)
        broker = Mosquitto(
            folder / "broker", certificate=authority.server(), ca=authority.ca, acl=ACL.read_text(),
            require_client_certificate=True,
            settings=["use_identity_as_username true", "use_username_as_clientid true"],
        )  # fmt: skip
        stack.enter_context(broker)
        (folder / "seed.new").write_text(SEED.format(broker=broker.port, est=est.url))
        (folder / "seed.new").rename(folder / "seed.toml")
        signal.pause()


if __name__ == "__main__":
    main()
