"""What the kernel shows of the gateway: figures only. The doctor judges them, health and metrics tell."""
