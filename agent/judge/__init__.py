"""What is known of a value: limits, rules, events, and what was learnt."""
