"""An instrument played from its profile, for training and tests: it says what the profile can decode."""
