"""Modbus RTU, TCP and RTU over TCP: block planning, decoding, and one unit on a bus."""
