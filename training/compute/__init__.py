"""Settings of the computation: precision, numerics, several GPUs and random streams."""
