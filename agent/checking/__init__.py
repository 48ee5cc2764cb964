"""The configuration, checked for the daemon in a process of its own, and what only checking needs with it."""
