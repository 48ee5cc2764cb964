"""Things that talk to the field: buses and gauges; and the word Reading."""
