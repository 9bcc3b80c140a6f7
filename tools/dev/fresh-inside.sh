#!/usr/bin/env bash
# fresh-inside.sh [SUITE…]: inside the bare root. First `./dev run` until tickets were bought from it,
# then `./dev test`. Its last line is `root: N passed, N failed, N skipped`.
set -euo pipefail
cd /boxoffice

wait_for_url() {
    while ! grep -m 1 -o 'http://.*' /tmp/serve.out; do
        kill -0 "$1" 2>/dev/null || return 1
        sleep 0.1
    done
}

# A market in which people sign up, list, reserve and pay, through the HTTP interface.
prove_run() {
    local started=$SECONDS server url result=0
    : >/tmp/serve.out
    ./dev run --listen 127.0.0.1:0 >/tmp/serve.out </dev/null &
    server=$!
    url=$(wait_for_url "$server") || {
        echo "not ok ./dev run printed no address"
        return 1
    }
    echo "./dev run: $url after $((SECONDS - started)) s"
    build/boxoffice demo --url "$url" || result=$?
    kill -TERM "$server"
    wait "$server" || result=$?
    if [ "$result" != 0 ]; then return 1; fi
    echo "ok ./dev run serves purchases and stops"
}

summary=
test_result=0
run_result=0
prove_run || run_result=1
started=$SECONDS
./dev test "$@" </dev/null | tee /tmp/test.out || test_result=$?
echo "./dev test $*: $((SECONDS - started)) s, status $test_result"
summary=$(tail -n 1 /tmp/test.out)
read -r passed failed skipped < <(sed -n 's/^\([0-9]*\) passed, \([0-9]*\) failed, \([0-9]*\) skipped$/\1 \2 \3/p' <<<"$summary")
if [ "$test_result" != 0 ] && [ "$failed" = 0 ]; then failed=1; fi
echo "root: $((passed + 1 - run_result)) passed, $((failed + run_result)) failed, $skipped skipped"
