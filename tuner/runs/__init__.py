"""Searches on disk: their folders, locks and files, and a mirror of those in object storage."""
