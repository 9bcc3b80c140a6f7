#!/usr/bin/env bash
# fresh-enter.sh ROOT [SUITE…]: runs in namespaces of its own (tools/dev/fresh.sh), so these mounts
# vanish with it.
set -euo pipefail
root=$1
shift
mount -t proc proc "$root/proc"
mount --rbind /dev "$root/dev"
exec env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LANG=C.UTF-8 \
    chroot "$root" /bin/bash /boxoffice/tools/dev/fresh-inside.sh "$@"
