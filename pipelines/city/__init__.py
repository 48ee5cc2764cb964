"""Rules about the air, the noise, the wind, and the pole itself."""
