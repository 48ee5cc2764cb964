"""Rules that hold one sensor against another, and faults against what explains them."""
