#!/usr/bin/env bash
# fresh-inside.sh [SUITE…]: inside the bare root. First `./dev run` until it serves, then `./dev test`.
set -euo pipefail
cd /boxoffice

wait_for_url() {
    local tries
    for ((tries = 0; tries < 6000; tries++)); do
        if grep -m 1 -o 'http://.*' /tmp/serve.out; then return 0; fi
        kill -0 "$1" 2>/dev/null || return 1
        sleep 0.1
    done
    return 1
}

# Bash speaks HTTP well enough; curl is not among what `./dev run` installs.
status_of() {
    local address=${1#http://} line
    exec 3<>"/dev/tcp/${address%:*}/${address##*:}"
    printf 'GET %s HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n' "$2" >&3
    read -r line <&3
    exec 3>&-
    printf '%s' "$line"
}

prove_run() {
    local started=$SECONDS server url answer
    : >/tmp/serve.out
    ./dev run --listen 127.0.0.1:0 >/tmp/serve.out </dev/null &
    server=$!
    url=$(wait_for_url "$server") || {
        echo "not ok ./dev run printed no address"
        return 1
    }
    echo "./dev run: $url after $((SECONDS - started)) s"
    answer=$(status_of "$url" /healthz)
    echo "GET /healthz: $answer"
    kill -TERM "$server"
    wait "$server"
    case "$answer" in *" 200 "*) ;; *) return 1 ;; esac
}

prove_test() {
    local started=$SECONDS result=0
    ./dev test "$@" </dev/null || result=$?
    echo "./dev test $*: $((SECONDS - started)) s, status $result"
    return "$result"
}

prove_run
prove_test "$@"
