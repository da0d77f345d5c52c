#!/bin/sh
# Joins the Ray cluster at RAY_HEAD as a node without CPUs, then runs a search as its driver: Ray wants a node of the
# cluster on the driver's own host.
set -eu
ray start --address="${RAY_HEAD:?name the head as HOST:PORT}" --num-cpus=0 --num-gpus=0 >/dev/null
unset RAY_ADDRESS
exec python -m tuner.run --address auto "$@"
