"""How unusual a value is by those before it: causal, bounded in memory, the same constants everywhere."""
