"""The way up: from the outbox to the platform's MQTT broker, each message until it is acknowledged."""
