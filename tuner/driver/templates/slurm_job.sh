#!/bin/bash
#SBATCH --job-name={{ job.name }}
#SBATCH --output={{ job.name }}-%j.log
#SBATCH --open-mode=append
#SBATCH --nodes={{ job.nodes }}
#SBATCH --ntasks-per-node=1
#SBATCH --cpus-per-task={{ job.cpus_per_node }}
{% if job.gpus_per_node %}
#SBATCH --gpus-per-node={{ job.gpus_per_node }}
{% endif %}
#SBATCH --time={{ job.seconds | slurm_time }}
#SBATCH --signal=B:USR1@{{ job.lead_seconds }}
#SBATCH --{{ "requeue" if job.requeues else "no-requeue" }}
{% for option, value in (("partition", job.partition), ("account", job.account)) if value %}
#SBATCH --{{ option }}={{ value | quote }}
{% endfor %}
{% for option in job.sbatch_options %}
#SBATCH {{ option }}
{% endfor %}
# Written by `tuner slurm`. The job starts the search {{ job.name }}, or continues it where it stands.

cd {{ job.folder | quote }} || exit 1
export python={{ job.python | quote }}
{% for line in job.setup %}
{{ line }}
{% endfor %}

# Ray's files and sockets lie in a folder of this job, and Ray counts only what the job has on a node.
RAY_TMPDIR=$(mktemp -d /tmp/tuner-slurm-XXXXXX) || exit 1
export RAY_TMPDIR
export RAY_OVERRIDE_RESOURCES='{"CPU": {{ job.cpus_per_node }}, "GPU": {{ job.gpus_per_node }}}'
unset RAY_ADDRESS

# SLURM sends USR1 to this script alone, {{ job.lead_seconds }} seconds before the limit. The driver then gets one
# SIGTERM: it waits for the checkpoints in flight and ends. A second SIGTERM would end it at once, so this script sends
# none when SLURM itself sends SIGTERM to all processes of the job, as `scancel` and a preemption do.
driver='' at_limit='' has_told_driver=''
tell_driver() {
    if [ -n "$at_limit" ] && [ -n "$driver" ] && [ -z "$has_told_driver" ]; then
        has_told_driver=yes
        kill -TERM "$driver"
    fi
}
trap 'interrupted=yes; at_limit=yes; tell_driver' USR1
trap 'interrupted=yes; at_limit=' TERM
{% if job.nodes > 1 %}

# A token of this job keeps others out of its cluster. Every port is a free one, so that several jobs share a node.
export RAY_AUTH_MODE=token
RAY_AUTH_TOKEN=$(od -An -N32 -tx1 /dev/urandom | tr -d ' \n')
export RAY_AUTH_TOKEN
export RAY_raylet_start_wait_time_s=300 # by default 30, too short where Python comes from a slow file system
ray_node() {
    exec "$python" -m ray.scripts.scripts start "$@" --block --disable-usage-stats \
        --min-worker-port=0 --max-worker-port=0 --dashboard-agent-listen-port=0 >/dev/null
}
# shellcheck disable=SC2317 # srun calls it
joining_node() {
    RAY_TMPDIR=$(mktemp -d /tmp/tuner-slurm-XXXXXX) || exit 1
    export RAY_TMPDIR
    trap : TERM # SLURM sends it to Ray as well; then the folder is removed
    (ray_node --address="$1")
    rm -rf "$RAY_TMPDIR"
}
# Ray Client, which nobody uses here, would take a fixed port.
free_port=$("$python" -c 'import socket; s = socket.socket(); s.bind(("", 0)); print(s.getsockname()[1])')
ray_node --head --port=0 --ray-client-server-port="$free_port" --include-dashboard=false &
head=$! workers=''
end_ray() {
    # shellcheck disable=SC2086 # `workers` may be empty
    kill -TERM $workers "$head" 2>/dev/null
    # shellcheck disable=SC2086
    wait $workers "$head"
}
until [ -s "$RAY_TMPDIR/ray/ray_current_cluster" ]; do
    if [ -n "$at_limit" ] || ! kill -0 "$head" 2>/dev/null; then
        echo "Ray did not start on $SLURMD_NODENAME; its log files are in $RAY_TMPDIR."
        end_ray
        exit 1
    fi
    sleep 1
done
address=$(cat "$RAY_TMPDIR/ray/ray_current_cluster")
# The other nodes join while the search already runs.
srun --relative=1 --nodes={{ job.nodes - 1 }} --ntasks={{ job.nodes - 1 }} --cpus-per-task={{ job.cpus_per_node }} \
    bash -c "$(declare -f ray_node joining_node); joining_node $address" &
workers=$!
{% endif %}

"$python" -u -m tuner run --resume-or-start{% for word in job.words %} {{ word | quote }}{% endfor %}{% if job.nodes > 1 %} --address "$address"{% endif %} &
driver=$!
tell_driver
# A signal ends the waiting with a code of its own. 127 is also the answer to a second waiting for the same end.
code=127 interrupted=yes
while [ -n "$interrupted" ]; do
    interrupted=''
    wait "$driver"
    ended=$?
    [ "$ended" = 127 ] || code=$ended
done
{% if job.nodes > 1 %}
end_ray
{% endif %}
rm -rf "$RAY_TMPDIR"
{% if job.requeues %}

# SLURM ends all processes of the job as soon as it is in the queue again, so this comes last.
if [ -n "$at_limit" ] && [ "$code" -ge 128 ]; then
    echo "The job has used its time: it goes into the queue again."
    scontrol requeue "$SLURM_JOB_ID" || echo "Submit the job again: the search continues where it stands."
fi
{% endif %}
exit "$code"
