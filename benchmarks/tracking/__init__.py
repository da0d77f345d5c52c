"""A search whose tracking server is stopped or slow: `python -m benchmarks.tracking`."""
