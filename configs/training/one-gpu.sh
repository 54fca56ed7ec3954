#!/usr/bin/env bash
# The large codec, the paper's teacher and the paper's student on one GPU, in goes of at most nine minutes:
#
#   configs/training/one-gpu.sh OUT PATH[=WEIGHT]...        e.g. one-gpu.sh runs photos/=0.7 cifar-10-binary.tar.gz=0.3
#
# The same command goes on where the last go ended; with all three finished it says so. Every run keeps a checkpoint,
# its log, training.csv and training.png in OUT/quality, OUT/teacher and OUT/student.
# MINUTES: of training in a go, the rest of the nine is for starts and exports. QUALITY, TEACHER, STUDENT: configurations.
set -euo pipefail
if [ $# -lt 2 ]; then
    echo "usage: $0 OUT PATH[=WEIGHT]..." >&2
    exit 2
fi
out=$1
shift
images=()
for source in "$@"; do images+=(--images "$source"); done
minutes=${MINUTES:-7.5}
run=(semnoma-hil train)

quality_done() { [ -f "$out/quality/quality/manifest.json" ]; }
teacher_done() { [ -f "$out/teacher/metrics.json" ]; }
student_done() { [ -f "$out/student/student/manifest.json" ]; }

share=$minutes
if ! quality_done && ! student_done; then share=$(awk "BEGIN { print $minutes / 2 }"); fi
common=(--go-minutes "$share" --resume "${images[@]}")
if ! quality_done; then
    "${run[@]}" adaptive --config "${QUALITY:-quality}" --name quality --out "$out/quality" "${common[@]}"
fi
if ! teacher_done; then
    "${run[@]}" teacher --config "${TEACHER:-teacher-32}" --out "$out/teacher" "${common[@]}"
elif ! student_done; then
    "${run[@]}" student --config "${STUDENT:-student-32}" --teacher "$out/teacher" --name student \
        --out "$out/student" "${common[@]}"
fi
if quality_done && student_done; then echo "all three are trained: $out"; else echo "the same command goes on"; fi
