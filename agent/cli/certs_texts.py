"""What `polegate certs` says to people."""

from __future__ import annotations

# show
NONE = "no certificate is configured, and none is needed: {url} is reached without TLS or by the system's CAs"
OURS, CHAIN, CA, CAMERA_CA, ENROLMENT_CA = (
    "ours",
    "its chain",
    "uplink.ca",
    "cameras.{name}.ca",
    "enrolment.ca",
)
NO_CERTIFICATE = "{path}: no certificate there yet"
NO_CERTIFICATE_DO = "Ask the CA for one: polegate certs request — or from a server: polegate certs enrol"
CA_ABSENT = "{whose}: {path}: no such file"
CA_ABSENT_DO = "Get the CA certificate and put it there."
CA_GARBLED = "{whose}: {path} holds no certificate in PEM form"
UNREADABLE = "{whose}: {path} cannot be read by this user"
SUDO = "Run this with sudo."
KEY_ABSENT = "{path}: no key there"
KEY_ABSENT_DO = "Make one, with a request for the CA: polegate certs request"
KEY_MATCHES = "{path}: the key of our certificate, {mode}, {owner}"
KEY_DIFFERS = "{path} is not the key of our certificate"
KEY_DIFFERS_DO = "Install the certificate that was made for it: polegate certs install FILE"
KEY_INTERRUPTED_DO = "An installation was cut off; finish it: polegate certs install {path}"
KEY_UNSEEN = "{path}: whether it is the key of our certificate is seen with sudo"
KEY_OPEN = "{path} can be read by others: {mode}, {owner}"
KEY_OPEN_DO = (
    "chmod 400 {path}. Who has read it can speak for this station: think of polegate certs request --new-key"
)
RENEWAL_BY = {
    "request": "by hand from {due} on: polegate certs request, then polegate certs install FILE",
    "est": "by EST from {due} on: polegate certs renew ({url})",
    "step": "by step-ca from {due} on: polegate certs renew ({url})",
}
DUE = "It is past two thirds of its life: renew it now."
NAME_DIFFERS = "our certificate is for {name}, and this gateway is {gateway}"
NAME_DIFFERS_DO = (
    "Brokers that hold a gateway to its certificate's name refuse its messages; ask the CA for {gateway}."
)
WAITING = "{path}: a key waits for its certificate: polegate certs install FILE"

# request
REQUESTED = (
    "Send this to the people of the CA; it holds nothing secret. It is for {gateway}, and lies in {path}:"
)
REQUEST_NEXT = (
    "The key stays here: {key}\nWith what they send back, the chain with it: polegate certs install FILE"
)
NEW_KEY = (
    "It is for a new key, which is taken into use with its certificate. The present one serves until then."
)
NOT_NAMED = (
    "[uplink] does not name it yet. Put there:\n\n"
    '  certificate = "{certificate}"\n'
    '  key = {{ credential = "{credential}" }}\n\n'
    "and have the key passed to the service, sudo systemctl edit polegate:\n\n"
    "  [Service]\n"
    "  LoadCredential={credential}:{key}"
)
FORBIDDEN = "{path}: no permission; run this with sudo"

# install, enrol, renew
REFUSED = "Not installed: {why}.{do}\nWhat was there before is untouched."
INSTALLED = "{name}, issued by {issuer}, until {until}: installed as {path}."
TRIED = "The broker takes it."
UNTRIED = "It was not tried with the broker: {why}."
PREVIOUS = "The one before lies beside it, {path}."
NEXT_FIRST = (
    "Now: sudo systemctl daemon-reload; sudo systemctl restart polegate; then polegate doctor --only broker"
)
NEXT_REKEYED = "systemd passes the new key on at the next start: sudo systemctl restart polegate"
NEXT_SAME = "The daemon takes it at its next connection; at once: sudo systemctl restart polegate"
UNKNOWN_CLOCK = "this gateway's clock says {now}, which cannot be; no server can be trusted by it"
UNKNOWN_CLOCK_DO = "Get it the time first: polegate doctor --only clock — or: timedatectl set-time"
NO_SERVER = "[enrolment] names no server: the certificate comes by hand"
NO_SERVER_DO = (
    "polegate certs request, or set enrolment.by and enrolment.url (docs/field-engineer/provisioning.md)"
)
NO_CODE = "no claim code: enrolment.code names none, and --code no file"
NO_CODE_DO = "Write it into a file that you alone can read, and name that with --code."
CODE_ABSENT = "the claim code cannot be read from {path}: {why}"
CODE_EMPTY = "{path} is empty; write the claim code into it"
CODE_SPENT = "The claim code was good once; {path} is removed."
HAS_ONE = "there is a certificate until {until}; to renew it: polegate certs renew; for another: --again"
NOT_DUE = "Nothing to do: it is good until {until}, and is renewed from {due} on. At once: --now"
NOTHING_TO_RENEW = "there is no certificate to renew at {path}; the first one: polegate certs enrol"
EXPIRED = (
    "the certificate ended on {until}, and a server renews only what is good; "
    "with a new claim code: polegate certs enrol"
)
