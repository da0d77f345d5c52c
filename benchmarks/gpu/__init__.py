"""Everything that only a GPU can measure, in parts of at most nine minutes."""
