"""From a seed to a configuration: what is planned, and how it is written."""
