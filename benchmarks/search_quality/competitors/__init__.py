"""Searches of other packages, each in a process and, where it must be, in an environment of its own."""
