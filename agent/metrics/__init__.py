"""The vitals in Prometheus' text format on loopback or a Unix socket, for who asks: off by default."""
