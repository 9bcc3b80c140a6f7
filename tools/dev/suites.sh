# shellcheck shell=bash
# Test suites. Each prints its own results and at least one line `N passed, N failed, N skipped`;
# run_suites adds them all up. A suite runs as `./dev suite NAME`, a process of its own, so that it
# can be timed out and cannot disturb the sum.

# Two run at a time: one that keeps the processor busy and one that mostly waits, so that neither
# costs the other much. The longest first.
BUSY_SUITES=(tsan sim asan web unit fuzz nm package layers openapi hardening)
WAITING_SUITES=(nats distributed payments faults contract operate deploy postgres observe events library)
ALL_SUITES=("${BUSY_SUITES[@]}" "${WAITING_SUITES[@]}")
# By name only: they take minutes and make containers.
NAMED_SUITES=(image distributed-long)
SUITE_SECONDS_MAX=2400

# npm as it is installed, from wherever; Debian's where there is none.
npm_packages() { command -v npm >/dev/null || printf '%s\n' "${NPM_PACKAGES[@]}"; }

# All that a suite needs, and no more (tests/architecture/collection.py).
suite_packages() {
    printf '%s\n' "${BUILD_PACKAGES[@]}"
    case "$1" in
    unit | sim) printf '%s\n' "${UNIT_PACKAGES[@]}" ;;
    asan | tsan)
        printf '%s\n' "${UNIT_PACKAGES[@]}" "${CLANG_PACKAGES[@]}" "${POSTGRES_PACKAGES[@]}" \
            "${BROKER_PACKAGES[@]}" "${TOUR_PACKAGES[@]}"
        ;;
    contract) printf '%s\n' "${TOUR_PACKAGES[@]}" "${FACTOR_PACKAGES[@]}" ;;
    openapi) printf '%s\n' "${FACTOR_PACKAGES[@]}" ;;
    operate) printf '%s\n' mount ;;
    observe) printf '%s\n' "${OBSERVE_PACKAGES[@]}" ;;
    nm | hardening) printf '%s\n' "${NM_PACKAGES[@]}" ;;
    web)
        printf '%s\n' "${WEB_TEST_PACKAGES[@]}" "${FACTOR_PACKAGES[@]}"
        npm_packages
        ;;
    library) printf '%s\n' make "${BROKER_PACKAGES[@]}" ;;
    nats)
        printf '%s\n' "${BROKER_PACKAGES[@]}" "${POSTGRES_PACKAGES[@]}"
        npm_packages
        ;;
    distributed | distributed-long)
        printf '%s\n' "${DISTRIBUTED_PACKAGES[@]}" "${TOUR_PACKAGES[@]}" "${FACTOR_PACKAGES[@]}" nftables iproute2
        ;;
    payments) npm_packages ;;
    postgres)
        printf '%s\n' "${UNIT_PACKAGES[@]}" "${POSTGRES_PACKAGES[@]}" "${BROKER_PACKAGES[@]}" \
            "${FACTOR_PACKAGES[@]}"
        ;;
    deploy)
        printf '%s\n' "${DEPLOY_TEST_PACKAGES[@]}"
        npm_packages
        ;;
    package) printf '%s\n' "${PACKAGE_PACKAGES[@]}" "${FRESH_PACKAGES[@]}" ;;
    image) printf '%s\n' "${IMAGE_PACKAGES[@]}" "${FRESH_PACKAGES[@]}" ;;
    fuzz) printf '%s\n' "${UNIT_PACKAGES[@]}" "${CLANG_PACKAGES[@]}" ;;
    esac
}

# --- one suite each ----------------------------------------------------------------------------

suite_unit() { build_tested && unit_tests build; }

# What can be read off the sources: who includes whom, and whether what is logged is documented.
suite_layers() {
    both python3 tests/architecture/layers.py and \
        both python3 tests/architecture/log_events.py and \
        both python3 tests/architecture/kept_tables.py and \
        both python3 tests/architecture/document_paths.py and python3 tests/architecture/collection.py
}

suite_nm() {
    build_release && both python3 tests/architecture/nm.py build and \
        python3 tests/architecture/calls.py build
}

suite_hardening() { build_release && python3 tests/architecture/hardening.py build/boxoffice; }

suite_contract() { build_release && against build/boxoffice contract/; }
suite_events() { build_release && against build/boxoffice events/; }
suite_observe() { build_release && against build/boxoffice observe/; }
# The Stripe double is a matter of npm; without it those tests say that they are skipped.
suite_payments() { build_release && against build/boxoffice payments/; }
# The conformance tests and services on PostgreSQL.
suite_postgres() { build_tested && against build/boxoffice postgres/; }
suite_faults() { build_release && against build/boxoffice faults/; }
suite_operate() { build_release && against build/boxoffice operate/; }

# Two replicas of everything behind nginx; then some of the contract on all drivers at once.
suite_distributed() {
    build_release || return 1
    both against build/boxoffice distributed/ and every_driver contract/test_orders \
        contract/test_tickets contract/test_payments contract/test_bans contract/test_keys
}

# The same with every fault at every service, cut networks and key rotation, and the whole contract.
suite_distributed-long() {
    build_release || return 1
    export DISTRIBUTED=long
    both against build/boxoffice distributed/ and every_driver contract/
}

# every_driver WORD…: tests written for the embedded drivers, on PostgreSQL and NATS.
every_driver() {
    BOXOFFICE_SQL=postgres BOXOFFICE_BUS=nats against build/boxoffice "$@"
}

# Beside brokers: their own tests, and those of the embedded bus once more.
suite_nats() {
    build_release || return 1
    both against build/boxoffice nats/ and beside_nats events/ contract/test_orders one_ticket \
        a_kill_under_load
}

beside_nats() { BOXOFFICE_BUS=nats KILL_ROUNDS=4 against build/boxoffice "$@"; }

# Real browsers; axe-core comes from the npm registry, and its tests say so when it cannot.
suite_web() {
    build_release || return 1
    fetch_npm tests/web build/web axe-core || true # the tests that need it say so
    against build/boxoffice web/
}

# A service outside the tree, built against what `meson install` installs.
suite_library() { build_release && compile_in build && against build/boxoffice library/; }

# Man page, completion, manifests. The schemas come from the npm registry; without them the tests
# that need them say that they are skipped.
suite_deploy() {
    build_release && compile_in build || return 1
    fetch_npm tests/deploy build/deploy-tools "the manifests' schemas" || true
    against build/boxoffice deploy/
}

suite_package() {
    build_release && build_package || return 1
    if [ "$(id -u)" = 0 ]; then
        BARE_ROOT=$(bare_root_tar) || return 1
        export BARE_ROOT
    fi
    against build/boxoffice package/
}

suite_openapi() {
    build_release && BOXOFFICE="$PWD/build/boxoffice" python3 tests/openapi/verify.py
}

# What a sanitizer watches, beside the unit tests: where threads meet (the writers and their shards, the
# bus, the relay, the loops, limits, bans, figures), and, for memory, everything a client can say.
RACING=(contract/test_bans contract/test_guessing contract/test_keys contract/test_listings
    contract/test_orders contract/test_payments contract/test_roles contract/test_search
    contract/test_sessions contract/test_tickets events/ one_ticket test_expiry a_writer_counts a_live_page_is_counted
    events_are_shown a_purchase_goes_through_services a_service_serves_while_the_broker
    that_another_replica_was_given at_two_replicas_one_gets two_replicas_that_reserve)

suite_asan() {
    build_asan || return 1
    export ASAN_OPTIONS=detect_leaks=1 UBSAN_OPTIONS=print_stacktrace=1 RACE_RUNS=60
    both unit_tests build/asan and against build/asan/boxoffice contract/ "${RACING[@]}"
}

suite_tsan() {
    build_tsan || return 1
    TSAN_OPTIONS="second_deadlock_stack=1:external_symbolizer_path=$(command -v llvm-symbolizer || true)"
    export TSAN_OPTIONS RACE_RUNS=60
    both unit_tests build/tsan and against build/tsan/boxoffice "${RACING[@]}"
}

suite_fuzz() {
    build_fuzz || return 1
    python3 tests/fuzz/run.py build/fuzz "${FUZZ_SECONDS:-0}"
}

# --- their tools -------------------------------------------------------------------------------

unit_tests() {
    local result=0 start=()
    # ThreadSanitizer cannot start where the kernel spreads addresses too widely.
    if [ "$1" = build/tsan ] && setarch -R true 2>/dev/null; then start=(setarch -R); fi
    "${start[@]}" meson test -C "$1" --no-rebuild --timeout-multiplier 4 --quiet >/dev/null 2>&1 || result=$?
    python3 tests/support/unit_results.py "$1/meson-logs/testlog.json" || result=1
    return "$result"
}

# fetch_npm FROM TO WHAT: the packages of FROM/package-lock.json under TO; quiet when they are there.
fetch_npm() { python3 tests/support/npm.py "$@"; }

# against BINARY WORD…: the tests that speak HTTP to the program, those with a word in their name.
against() {
    BOXOFFICE="$PWD/$1" python3 tests/support/runner.py "${@:2}"
}

# both A… and B…: runs B even when A failed.
both() {
    local first=() result=0
    while [ "$1" != and ]; do
        first+=("$1")
        shift
    done
    "${first[@]}" || result=1
    "${@:2}" || result=1
    return "$result"
}

# --- all of them -------------------------------------------------------------------------------

run_one_suite() {
    local names=" ${ALL_SUITES[*]} ${NAMED_SUITES[*]} "
    case "$names" in
    *" ${1:-} "*) "suite_$1" ;;
    *) die "no suite '${1:-}'; there are:$names" ;;
    esac
}

# Adds the summaries of a log to passed, failed and skipped.
add_up() {
    local log=$1 result=$2 p=0 f=0 s=0
    read -r p f s < <(awk '/^[0-9]+ passed, [0-9]+ failed, [0-9]+ skipped$/ {p+=$1; f+=$3; s+=$5; n++}
        END {print p+0, f+0, s+0}' < <(tr -d '\000' <"$log"))
    if [ $((p + f + s)) = 0 ] || { [ "$result" != 0 ] && [ "$f" = 0 ]; }; then
        echo "not ok: the suite ended with status $result and no failed test: counted as one"
        f=$((f + 1))
    fi
    passed=$((passed + p)) failed=$((failed + f)) skipped=$((skipped + s))
}

# Every failed test in the logs once more, each once: what a reader looks for is then at the end.
show_failures() {
    cat "$@" | tr -d '\000' | awk '
        /^not ok / { title = $0; sub(/^not ok [0-9]* *-? */, "", title); shown = !seen[title]++ }
        !/^(not ok |#)/ { shown = 0 }
        shown'
}

# What several suites share is built before the first of them: nobody tests a program that another
# suite is just replacing. Each suite then finds nothing left to build.
build_shared() {
    local name bodies
    if [ "$#" -lt 2 ]; then return 0; fi
    bodies=$(for name in "$@"; do declare -f "suite_$name"; done)
    case "$bodies" in
    *build_tested* | *build_sim*) build_tested ;;
    *build_release*) build_release ;;
    esac
}

# start_suite KIND: the first of `names` of that kind, else the first of all, unless none is left; in
# the background, with the signals of one that is not: it has to end by Ctrl-C as well.
start_suite() {
    local i at=-1 busy=" ${BUSY_SUITES[*]} " kind
    for i in "${!names[@]}"; do
        kind=waiting
        if [[ $busy == *" ${names[i]} "* ]]; then kind=busy; fi
        if [ "$kind" = "$1" ]; then at=$i && break; fi
        if [ "$at" = -1 ]; then at=$i; fi
    done
    if [ "$at" = -1 ]; then return 0; fi
    env --default-signal=INT,QUIT timeout --kill-after=10 "$SUITE_SECONDS_MAX" ./dev suite "${names[at]}" \
        </dev/null >"$(log_file "test-${names[at]}")" 2>&1 &
    running[$!]=${names[at]} kinds[$!]=$1 started[$!]=$SECONDS
    unset "names[at]"
}

# end_suites STATUS: `timeout` hands the signal on to everything that its suite has started.
end_suites() {
    kill -TERM "${!running[@]}" 2>/dev/null || true
    wait
    exit "$1"
}

# Prints what the only one that runs writes, as it comes.
follow_suite() {
    local pid=${!running[*]}
    tail --lines=+1 --follow --sleep-interval=0.1 --pid="$pid" "$(log_file "test-${running[$pid]}")" &
    wait "$!" || true
}

# Each suite's output is printed whole when it ends; that of a single one as it comes.
run_suites() {
    local passed=0 failed=0 skipped=0 names=("$@") packages logs=() pid name kind result
    local -A running=() kinds=() started=()
    if [ "${#names[@]}" = 0 ]; then names=("${ALL_SUITES[@]}"); fi
    for name in "${names[@]}"; do
        declare -F "suite_$name" >/dev/null || die "no suite '$name'; there are: ${ALL_SUITES[*]}"
    done
    mapfile -t packages < <(for name in "${names[@]}"; do suite_packages "$name"; done | sort -u)
    need_packages "${packages[@]}"
    # What the outside refused once is not asked for again in this run (tests/support/npm.py).
    OUTSIDE_FAILURES=$PWD/build/logs/outside
    export OUTSIDE_FAILURES
    rm -rf "$OUTSIDE_FAILURES"
    mkdir -p "$OUTSIDE_FAILURES"
    build_shared "${names[@]}" || {
        echo "not ok: what the suites share cannot be built"
        echo "0 passed, 1 failed, 0 skipped"
        return 1
    }
    trap 'end_suites 130' INT
    trap 'end_suites 143' TERM HUP
    start_suite busy
    start_suite waiting
    if [ "$#" = 1 ]; then follow_suite; fi
    while [ "${#running[@]}" != 0 ]; do
        result=0
        wait -n -p pid "${!running[@]}" || result=$?
        name=${running[$pid]} kind=${kinds[$pid]}
        unset "running[$pid]"
        start_suite "$kind"
        logs+=("$(log_file "test-$name")")
        echo "== $name"
        if [ "$#" != 1 ]; then cat "${logs[-1]}"; fi
        add_up "${logs[-1]}" "$result"
        echo "== $name: $((SECONDS - started[$pid])) s"
    done
    trap - INT TERM HUP
    show_failures "${logs[@]}"
    echo "$passed passed, $failed failed, $skipped skipped"
    [ "$failed" = 0 ]
}
