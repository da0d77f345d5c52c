"""A search whose tracking server is away or slow: `python -m benchmarks.tracking`."""
