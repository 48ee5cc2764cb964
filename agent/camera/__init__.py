"""The daemon's side of cameras: configuration, the worker's process, what it says, pictures."""
