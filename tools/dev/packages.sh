# shellcheck shell=bash disable=SC2034
# Debian packages: what each kind of work needs, and installing what is missing of it.

BUILD_PACKAGES=(
    gcc libc6-dev meson ninja-build pkg-config python3
    libuv1-dev libhttp-parser-dev libsqlite3-dev libpq-dev libsodium-dev libssl-dev libjansson-dev
    libcurl4-openssl-dev libseccomp-dev libnats-dev libhiredis-dev
    libjs-bootstrap5 bootstrap-icons
)
UNIT_PACKAGES=(libcmocka-dev redis-server)
BROKER_PACKAGES=(nats-server redis-server redis-tools)
POSTGRES_PACKAGES=(postgresql)
DISTRIBUTED_PACKAGES=(postgresql nats-server redis-server redis-tools nginx-light)
HTTP_TEST_PACKAGES=(python3)
WEB_TEST_PACKAGES=(chromium chromium-driver fonts-dejavu-core)
CLANG_PACKAGES=(clang-14 libclang-rt-14-dev llvm-14)
NM_PACKAGES=(binutils)
OBSERVE_PACKAGES=(prometheus) # promtool
NPM_PACKAGES=(nodejs npm)
BENCH_PACKAGES=(wrk nginx-light postgresql nats-server redis-server redis-tools)
FORMAT_PACKAGES=(clang-format-14)
LINT_PACKAGES=(clang-format-14 clang-tidy-14 cppcheck shellcheck)
COVERAGE_PACKAGES=(gcovr)
# nats-server and nginx read their configurations once; they are not left running.
DEPLOY_TEST_PACKAGES=(python3-yaml python3-jsonschema man-db nginx-light nats-server)
IMAGE_PACKAGES=(buildah podman runc)
PACKAGE_PACKAGES=(debhelper dpkg-dev git lintian fakeroot strace systemd)
FRESH_PACKAGES=(mmdebstrap git curl)

say() { printf 'dev: %s\n' "$*" >&2; }
die() {
    say "$@"
    exit 1
}

as_root() {
    if [ "$(id -u)" = 0 ]; then
        env DEBIAN_FRONTEND=noninteractive "$@"
    else
        sudo env DEBIAN_FRONTEND=noninteractive "$@"
    fi
}

missing_packages() {
    local package state
    for package in "$@"; do
        state=$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null || true)
        [ "$state" = installed ] || printf '%s\n' "$package"
    done
}

apt_quietly() { as_root apt-get -qq -o DPkg::Lock::Timeout=120 -o Dpkg::Use-Pty=0 --yes "$@"; }
apt_install() { apt_quietly --no-install-recommends install "$@"; }

# Without any package list, or with one that is too old, the first try fails: then update.
apt_install_somehow() {
    apt_install "$@" || { apt_quietly update && apt_install "$@"; }
}

# A package such as nginx starts its service when installed; a tool for tests must not.
install_quietly() {
    local policy=/usr/sbin/policy-rc.d made=0 result=0 log
    log=$(log_file apt)
    if [ ! -e "$policy" ]; then
        made=1
        printf '#!/bin/sh\nexit 101\n' | as_root sh -c "cat >$policy && chmod 755 $policy"
    fi
    apt_install_somehow "$@" >"$log" 2>&1 || result=$?
    if [ "$made" = 1 ]; then as_root rm -f "$policy"; fi
    if [ "$result" != 0 ]; then tail -n 20 "$log" >&2; fi
    return "$result"
}

need_packages() {
    local missing
    mapfile -t missing < <(missing_packages "$@")
    if [ "${#missing[@]}" = 0 ]; then return 0; fi
    command -v apt-get >/dev/null ||
        die "needs ${missing[*]}, and this is not a Debian machine: install them by hand"
    [ "$(id -u)" = 0 ] || command -v sudo >/dev/null ||
        die "needs ${missing[*]}; not root and no sudo: apt-get install them as root, then again"
    say "installing ${missing[*]}"
    install_quietly "${missing[@]}" ||
        die "could not install ${missing[*]}: are Debian's package sources within reach?"
}
