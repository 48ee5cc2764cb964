"""The verbs of polegate camera, and what they share."""
