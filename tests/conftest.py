"""Settings of every test."""

import os

from hypothesis import settings

# Before torch is imported: the tests' tensors are too small to share among threads.
os.environ.setdefault("OMP_NUM_THREADS", "1")

# The first example pays for imports, and the machine may be busy: time says nothing about a property.
settings.register_profile("project", deadline=None)
settings.load_profile("project")
