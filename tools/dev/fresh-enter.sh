#!/usr/bin/env bash
# fresh-enter.sh ROOT [SUITE…]: runs in namespaces of its own (tools/dev/fresh.sh), so these mounts
# vanish with it. Of the environment only what says how to reach the outside goes along, and CI.
set -euo pipefail
root=$1
shift
mount --bind "$root" "$root" # whose root is a mount of its own can have namespaces of its own, too
mount -t proc proc "$root/proc"
mount --rbind /dev "$root/dev"
outside=()
while IFS= read -r -d '' setting; do outside+=("$setting"); done < <(env -0 |
    grep -zE '^(CI|https?_proxy|HTTPS?_PROXY|no_proxy|NO_PROXY|(npm_config|NPM_CONFIG)_(registry|proxy|https_proxy|noproxy|strict_ssl))=')
if [ -f "$root/etc/outside/certificates.pem" ]; then
    outside+=(NODE_EXTRA_CA_CERTS=/etc/outside/certificates.pem npm_config_cafile=/etc/outside/certificates.pem)
fi
exec env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LANG=C.UTF-8 "${outside[@]}" \
    chroot "$root" /bin/bash /boxoffice/tools/dev/fresh-inside.sh "$@"
