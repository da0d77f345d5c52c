"""A chosen trial's model: its weights read from a checkpoint, and written as files for use elsewhere."""
