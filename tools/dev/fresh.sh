# shellcheck shell=bash
# The README's commands in bare Debian roots: nothing installed but apt, nothing of this machine's but
# how it reaches the outside. Everything happens in namespaces that end with the command, so no mount
# can be left behind.

FRESH_RELEASES=(bookworm trixie) # Debian 12 and 13
# What has to pass on a release that is not the first: everything but browsers, sets of many processes,
# sanitizers, fuzzers and long runs.
FRESH_SUITES=(unit layers nm hardening contract openapi events payments postgres faults operate package)

# fresh [--full]: the README's two commands in a root of each release. In short, the tests are unit and
# contract; with --full every suite in the first release and FRESH_SUITES in the others. Closes with the
# sum of all tests.
prove_fresh() {
    local release full=0 started=$SECONDS passed=0 failed=0 skipped=0 suites log logs=()
    case "${1:-}" in
    '') ;;
    --full) full=1 ;;
    *) die "fresh: unknown option '$1'" ;;
    esac
    [ "$(id -u)" = 0 ] || die "fresh: needs root (sudo ./dev fresh)"
    need_packages "${FRESH_PACKAGES[@]}"
    unshare --mount --pid --fork true || die "fresh: this machine gives no namespaces of its own"
    for release in "${FRESH_RELEASES[@]}"; do
        suites=(unit contract)
        if [ "$full" = 1 ]; then suites=("${FRESH_SUITES[@]}"); fi
        if [ "$full$release" = "1${FRESH_RELEASES[0]}" ]; then suites=(); fi
        log=$(log_file "fresh-$release")
        logs+=("$log")
        (prove_fresh_in "$release" "${suites[@]}") 2>&1 | tee "$log" || true
        add_up_root "$release" "$log"
    done
    show_failures "${logs[@]}"
    echo "all roots: $((SECONDS - started)) s"
    echo "$passed passed, $failed failed, $skipped skipped"
    [ "$failed" = 0 ]
}

# Adds a root's last summary; a root that came to none has failed.
add_up_root() {
    local p f s
    if read -r p f s < <(tr -d '\000' <"$2" |
        sed -n 's/^root: \([0-9]*\) passed, \([0-9]*\) failed, \([0-9]*\) skipped$/\1 \2 \3/p' | tail -n 1); then
        passed=$((passed + p)) failed=$((failed + f)) skipped=$((skipped + s))
    else
        echo "not ok $1: its commands did not come to their end"
        failed=$((failed + 1))
    fi
}

# prove_fresh_in RELEASE [SUITE…], in a subshell of its own.
prove_fresh_in() {
    local release=$1 root started=$SECONDS
    shift
    echo "=== $release"
    root=$(mktemp -d "${TMPDIR:-/var/tmp}/boxoffice-fresh.XXXXXX")
    # shellcheck disable=SC2064
    trap "rm -rf --one-file-system '$root'" EXIT
    make_bare_root "$release" "$root" || die "fresh: no root of $release could be made"
    echo "bare root: $((SECONDS - started)) s"
    copy_tree "$root/boxoffice"
    unshare --mount --pid --fork --kill-child bash tools/dev/fresh-enter.sh "$root" "$@"
    echo "=== $release: $((SECONDS - started)) s"
}

own_release() { sed -n 's/^VERSION_CODENAME=//p' /etc/os-release; }

# release_sources RELEASE FOLDER: the machine's own Debian sources, for that release, as files there.
release_sources() {
    local file own
    own=$(own_release)
    for file in /etc/apt/sources.list /etc/apt/sources.list.d/*.list /etc/apt/sources.list.d/*.sources; do
        if [ -f "$file" ] && grep -q "^[^#]*$own" "$file" && grep -q debian "$file"; then
            sed "s/\\b$own\\b/$1/g" "$file" >"$2/${file##*/}"
        fi
    done
}

# make_bare_root RELEASE FOLDER
make_bare_root() {
    local release=$1 root=$2 options=() line kept
    kept=$(mktemp -d)
    release_sources "$release" "$kept"
    while read -r line; do options+=("--aptopt=$line"); done < <(apt-config dump |
        grep -E '^Acquire::(Check-Date|Check-Valid-Until|Retries|https?::(Proxy|Timeout)) ' || true)
    unshare --mount mmdebstrap --quiet --variant=apt "${options[@]}" "$release" "$root" "$kept"/* >&2 || {
        rm -r "$kept"
        return 1
    }
    rm -r "$kept"
    # A bare root knows no localhost.
    echo '127.0.0.1 localhost' >"$root/etc/hosts"
    lay_outside "$root"
}

# How this machine reaches the outside goes along, as a company's machine needs it: certificates,
# credentials of apt, the npm registry. The rest of its settings stays here.
lay_outside() {
    local root=$1 file bundle=${NODE_EXTRA_CA_CERTS:-/etc/ssl/certs/ca-certificates.crt}
    mkdir -p "$root/etc/outside" "$root/usr/local/share/ca-certificates"
    if [ -f "$bundle" ]; then
        cp "$bundle" "$root/etc/outside/certificates.pem"
        echo 'Acquire::https::CAInfo "/etc/outside/certificates.pem";' >"$root/etc/apt/apt.conf.d/90outside"
    fi
    cp -r /usr/local/share/ca-certificates/. "$root/usr/local/share/ca-certificates/" 2>/dev/null || true
    cp -r /etc/apt/auth.conf /etc/apt/auth.conf.d "$root/etc/apt/" 2>/dev/null || true
    for file in /etc/npmrc /usr/etc/npmrc "${HOME:-/root}/.npmrc"; do
        if [ -f "$file" ]; then
            grep -E '^((@[^:=]+:)?registry|//|(https-)?proxy|noproxy|strict-ssl|fetch-)' "$file" || true
        fi
    done >"$root/root/.npmrc"
}

# The same as a tar file of this machine's own release, kept for a week, for the suites that install
# into one; prints its path.
bare_root_tar() {
    local tar root
    tar=build/cache/$(own_release).tar
    if [ -z "$(find "$tar" -mtime -7 2>/dev/null)" ]; then
        mkdir -p build/cache
        root=$(mktemp -d "${TMPDIR:-/var/tmp}/boxoffice-bare.XXXXXX")
        make_bare_root "$(own_release)" "$root" && tar --create --file="$tar.new" --directory="$root" \
            --exclude='./var/cache/apt/archives/*.deb' . && mv "$tar.new" "$tar"
        rm -rf --one-file-system "$root"
    fi
    [ -f "$tar" ] && printf '%s\n' "$PWD/$tar"
}

# The tracked files; of a tree without its history, everything that no command made.
tree_files() {
    if git rev-parse --is-inside-work-tree >/dev/null 2>&1; then
        git ls-files -z
    else
        find . \( -path ./build -o -path ./data \) -prune -o -type f -print0
    fi
}

# What a clone would have, as it is now.
copy_tree() {
    mkdir -p "$1"
    tree_files | tar --create --null --files-from=- --ignore-failed-read 2>/dev/null |
        tar --extract --directory="$1"
}
