"""What becomes of a chosen trial: its weights read from the last checkpoint, exported, and registered in MLflow."""
