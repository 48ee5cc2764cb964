"""Composition: config, clock, supervision, routing, uplink, control socket, CLI."""
