"""The durable outbox: opaque envelopes on disk until the platform has acknowledged them."""
