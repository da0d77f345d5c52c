"""A chosen trial's model: its weights read from the last checkpoint, and written as files for use elsewhere."""
