"""What scripts/*-check, first-reading and boot-arm64 do in their roots and machines, and what is beside them."""
