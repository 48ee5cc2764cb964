"""What is taken off a gateway and brought back: backups, restores, bundles for the supplier, the log."""
