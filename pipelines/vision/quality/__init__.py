"""Picture quality against a reference of the same camera and hour."""
