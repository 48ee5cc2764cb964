"""Finding instruments on a line whose settings nobody knows: read-only, one question at a time."""
