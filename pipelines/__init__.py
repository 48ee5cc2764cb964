"""Judge and reduce readings: pure, synchronous, replayable."""
