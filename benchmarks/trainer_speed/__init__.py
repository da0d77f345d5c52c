"""The trainer's speed against a plain loop of the same configuration."""
