"""What the proofs that are run by hand do in their roots and machines, and what runs beside those."""
