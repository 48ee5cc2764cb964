"""What is seen: pictures graded, scenes watched, both made fit to send."""
