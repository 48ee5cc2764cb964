"""How the Debian package and the bundle are made. `scripts/package` calls it."""
