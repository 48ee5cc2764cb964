"""How a gateway comes by its client certificate: key and request by openssl, EST, step-ca."""
