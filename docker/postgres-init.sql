-- Run once, by PostgreSQL's image on an empty volume: MLflow's tables live in a database of their own.
CREATE DATABASE mlflow OWNER tuner;
