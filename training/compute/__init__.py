"""How training is computed: precision, numerics, several GPUs, random streams."""
