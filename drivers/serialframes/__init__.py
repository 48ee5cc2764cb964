"""Serial gauges that push frames, or answer a request with one, as their profile describes them."""
