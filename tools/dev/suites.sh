# shellcheck shell=bash
# Test suites. Each prints its own results and at least one line `N passed, N failed, N skipped`;
# run_suites adds them all up. A suite runs as `./dev suite NAME`, a process of its own, so that it
# can be timed out and cannot disturb the sum.

ALL_SUITES=(unit floors nm hardening contract openapi events observe payments postgres faults
    nats operate library distributed web sim deploy package asan tsan fuzz)
# By name only: they take minutes and make containers.
NAMED_SUITES=(image distributed-long)
SUITE_SECONDS_MAX=900

suite_packages() {
    printf '%s\n' "${BUILD_PACKAGES[@]}"
    case "$1" in
    unit | sim) printf '%s\n' "${UNIT_PACKAGES[@]}" ;;
    asan | tsan)
        printf '%s\n' "${UNIT_PACKAGES[@]}" "${CLANG_PACKAGES[@]}" "${POSTGRES_PACKAGES[@]}" \
            "${BROKER_PACKAGES[@]}"
        ;;
    observe) printf '%s\n' "${OBSERVE_PACKAGES[@]}" ;;
    nm | hardening) printf '%s\n' "${NM_PACKAGES[@]}" ;;
    web)
        printf '%s\n' "${WEB_TEST_PACKAGES[@]}"
        command -v npm >/dev/null || printf '%s\n' "${NPM_PACKAGES[@]}"
        ;;
    library) printf '%s\n' make "${BROKER_PACKAGES[@]}" ;;
    nats)
        printf '%s\n' "${BROKER_PACKAGES[@]}" "${POSTGRES_PACKAGES[@]}"
        command -v npm >/dev/null || printf '%s\n' "${NPM_PACKAGES[@]}"
        ;;
    distributed | distributed-long) printf '%s\n' "${DISTRIBUTED_PACKAGES[@]}" nftables iproute2 ;;
    payments) command -v npm >/dev/null || printf '%s\n' "${NPM_PACKAGES[@]}" ;;
    postgres)
        printf '%s\n' "${UNIT_PACKAGES[@]}" "${POSTGRES_PACKAGES[@]}" "${BROKER_PACKAGES[@]}"
        ;;
    deploy)
        printf '%s\n' "${DEPLOY_TEST_PACKAGES[@]}"
        command -v npm >/dev/null || printf '%s\n' "${NPM_PACKAGES[@]}"
        ;;
    package) printf '%s\n' "${PACKAGE_PACKAGES[@]}" "${FRESH_PACKAGES[@]}" ;;
    image) printf '%s\n' "${IMAGE_PACKAGES[@]}" "${FRESH_PACKAGES[@]}" ;;
    fuzz) printf '%s\n' "${UNIT_PACKAGES[@]}" "${CLANG_PACKAGES[@]}" ;;
    esac
}

# --- one suite each ----------------------------------------------------------------------------

suite_unit() { build_tested && unit_tests build; }

# What can be read off the sources: who includes whom, and whether what is logged is documented.
suite_floors() {
    both python3 tests/architecture/floors.py and python3 tests/architecture/log_events.py
}

suite_nm() { build_release && python3 tests/architecture/nm.py build; }

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
    both against build/boxoffice nats/ and \
        env BOXOFFICE_BUS=nats KILL_ROUNDS=4 BOXOFFICE="$PWD/build/boxoffice" \
        python3 tests/support/runner.py events/ contract/test_orders one_ticket a_kill_under_load
}

# Real browsers; axe-core comes from the npm registry, and its tests say so when it cannot.
suite_web() {
    build_release || return 1
    fetch_npm tests/web build/web || say "axe-core could not be fetched"
    against build/boxoffice web/
}

# A service outside the tree, built against what `meson install` installs.
suite_library() { build_release && compile_in build && against build/boxoffice library/; }

# Man page, completion, manifests. The schemas come from the npm registry; without them the tests
# that need them say that they are skipped.
suite_deploy() {
    build_release && compile_in build || return 1
    fetch_npm tests/deploy build/deploy-tools || say "the schemas could not be fetched"
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

# What a sanitizer watches, beside the unit tests: everything a client can say, and where threads
# meet: the writers and their lanes, the bus, the relay, the loops, limits, bans, figures.
SANITIZED=(contract/ events/ one_ticket test_expiry a_writer_counts a_live_page_is_counted
    events_are_shown a_purchase_goes_through_services a_service_serves_while_the_broker
    that_another_replica_was_given at_two_replicas_one_gets two_replicas_that_reserve)

suite_asan() {
    build_asan || return 1
    export ASAN_OPTIONS=detect_leaks=1 UBSAN_OPTIONS=print_stacktrace=1 RACE_RUNS=60
    both unit_tests build/asan and against build/asan/boxoffice "${SANITIZED[@]}"
}

suite_tsan() {
    build_tsan || return 1
    export TSAN_OPTIONS="second_deadlock_stack=1:external_symbolizer_path=/usr/bin/llvm-symbolizer-14"
    export RACE_RUNS=60
    both unit_tests build/tsan and against build/tsan/boxoffice "${SANITIZED[@]}"
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

# fetch_npm FROM TO: the packages of FROM/package-lock.json under TO; quiet when they are there.
fetch_npm() {
    local log
    mkdir -p "$2"
    if cmp -s "$1/package-lock.json" "$2/package-lock.json" &&
        [ -f "$2/node_modules/.package-lock.json" ]; then return 0; fi
    log=$(log_file npm)
    cp "$1/package.json" "$1/package-lock.json" "$2/"
    npm ci --prefix "$2" --no-audit --no-fund >"$log" 2>&1
}

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

run_suites() {
    local name result log started passed=0 failed=0 skipped=0 names=("$@") packages
    if [ "${#names[@]}" = 0 ]; then names=("${ALL_SUITES[@]}"); fi
    for name in "${names[@]}"; do
        declare -F "suite_$name" >/dev/null || die "no suite '$name'; there are: ${ALL_SUITES[*]}"
    done
    mapfile -t packages < <(for name in "${names[@]}"; do suite_packages "$name"; done | sort -u)
    need_packages "${packages[@]}"
    for name in "${names[@]}"; do
        started=$SECONDS result=0
        log=$(log_file "test-$name")
        echo "== $name"
        timeout --kill-after=10 "$SUITE_SECONDS_MAX" ./dev suite "$name" </dev/null 2>&1 |
            tee "$log" || result=$?
        add_up "$log" "$result"
        echo "== $name: $((SECONDS - started)) s"
    done
    echo "$passed passed, $failed failed, $skipped skipped"
    [ "$failed" = 0 ]
}
