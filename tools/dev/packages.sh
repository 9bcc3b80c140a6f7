# shellcheck shell=bash disable=SC2034
# Debian packages: what each kind of work needs, and installing what is missing of it. Of `a|b` the
# first one that this release of Debian has.

BUILD_PACKAGES=(
    gcc libc6-dev meson ninja-build pkg-config python3
    'libllhttp-dev|libhttp-parser-dev' libuv1-dev libsqlite3-dev libpq-dev libsodium-dev libssl-dev
    libjansson-dev libutf8proc-dev libidn2-dev libqrencode-dev
    libcurl4-openssl-dev zlib1g-dev libseccomp-dev libnats-dev libhiredis-dev
    libjs-bootstrap5 bootstrap-icons
    tzdata
)
UNIT_PACKAGES=(libcmocka-dev redis-server)
BROKER_PACKAGES=(nats-server redis-server redis-tools)
POSTGRES_PACKAGES=(postgresql)
DISTRIBUTED_PACKAGES=(postgresql nats-server redis-server redis-tools nginx-light)
TOUR_PACKAGES=(curl)
FACTOR_PACKAGES=(oathtool)
WEB_TEST_PACKAGES=(chromium chromium-driver fonts-dejavu-core zbar-tools)
CLANG_PACKAGES=(clang libclang-rt-dev llvm)
NM_PACKAGES=(binutils)
OBSERVE_PACKAGES=(prometheus) # promtool
NPM_PACKAGES=(nodejs npm)
BENCH_PACKAGES=(wrk nginx-light postgresql nats-server redis-server redis-tools)
FORMAT_PACKAGES=(clang-format)
LINT_PACKAGES=(clang-format clang-tidy cppcheck shellcheck)
COVERAGE_PACKAGES=(gcovr)
# nats-server and nginx read their configurations once; they are not left running.
DEPLOY_TEST_PACKAGES=(python3-yaml python3-jsonschema man-db fail2ban nginx-light nats-server redis-server redis-tools)
IMAGE_PACKAGES=(buildah podman runc)
PACKAGE_PACKAGES=(build-essential debhelper dpkg-dev git lintian fakeroot strace systemd)
FRESH_PACKAGES=(mmdebstrap)

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

is_installed() {
    [ "$(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null || true)" = installed ]
}

missing_packages() {
    local package choice
    for package in "$@"; do
        for choice in ${package//|/ }; do
            if is_installed "$choice"; then continue 2; fi
        done
        printf '%s\n' "$package"
    done
}

is_known() { apt-cache show "$1" >/dev/null 2>&1; }

# The first of a|b|c that this release has; the last one when it has none, for the message.
choose_package() {
    local choice
    for choice in ${1//|/ }; do
        if is_known "$choice"; then break; fi
    done
    printf '%s\n' "$choice"
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
    local missing package
    mapfile -t missing < <(missing_packages "$@")
    if [ "${#missing[@]}" = 0 ]; then return 0; fi
    command -v apt-get >/dev/null ||
        die "needs ${missing[*]}, and this is not a Debian machine: install them by hand"
    [ "$(id -u)" = 0 ] || command -v sudo >/dev/null ||
        die "needs ${missing[*]}; not root and no sudo: apt-get install them as root, then again"
    # Without any package list nothing is known, and choosing needs to know.
    is_known gcc || apt_quietly update >/dev/null 2>&1 || true
    mapfile -t missing < <(for package in "${missing[@]}"; do choose_package "$package"; done)
    say "installing ${missing[*]}"
    install_quietly "${missing[@]}" ||
        die "could not install ${missing[*]}: are Debian's package sources within reach?"
}
