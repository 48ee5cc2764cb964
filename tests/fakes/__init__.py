"""Small real servers for the tests, the bench and the demo: loopback and ptys only."""
