"""One run from seed to result: its network, its epochs, a look inside it."""
