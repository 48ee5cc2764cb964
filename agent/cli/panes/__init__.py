"""What polegate top shows, how it gets it, and how it puts it on a terminal."""
