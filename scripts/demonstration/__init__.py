"""A lamp pole and a river station on simulated gauges, with the real daemon and a real broker."""
