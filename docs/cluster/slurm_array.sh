#!/bin/bash
# Shares a folder of images among the tasks of a job array, without Ray:
#   sbatch --array=0-15 docs/cluster/slurm_array.sh photos explained
# Task i does part i of 16 of the images; all parts fill one folder. A task that is requeued goes on.
#SBATCH --job-name=interp
#SBATCH --cpus-per-task=8
#SBATCH --time=04:00:00
#SBATCH --requeue
#SBATCH --signal=B:TERM@60
set -euo pipefail
data=$1
out=$2
export OMP_NUM_THREADS=${SLURM_CPUS_PER_TASK:-1}
exec interp run --plugin rise --data "$data" --out "$out" \
    --shard "$SLURM_ARRAY_TASK_ID/$SLURM_ARRAY_TASK_COUNT"
