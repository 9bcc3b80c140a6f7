# shellcheck shell=bash
# The README's two commands in a bare Debian root: nothing installed but apt, nothing of this
# machine's but its package sources. Everything happens in namespaces that end with the command, so
# no mount can be left behind.

prove_fresh() {
    local suites=(unit contract) root started=$SECONDS result=0
    case "${1:-}" in
    '') ;;
    --full) suites=() ;;
    *) die "fresh: unknown option '$1'" ;;
    esac
    [ "$(id -u)" = 0 ] || die "fresh: needs root (sudo ./dev fresh)"
    need_packages "${FRESH_PACKAGES[@]}"
    root=$(mktemp -d "${TMPDIR:-/var/tmp}/boxoffice-fresh.XXXXXX")
    # shellcheck disable=SC2064
    trap "rm -rf --one-file-system '$root'" EXIT
    make_bare_root "$root"
    echo "bare root: $((SECONDS - started)) s"
    copy_tree "$root/boxoffice"
    unshare --mount --pid --fork --kill-child bash tools/dev/fresh-enter.sh "$root" "${suites[@]}" ||
        result=$?
    echo "all: $((SECONDS - started)) s"
    return "$result"
}

# The machine's own Debian sources, wherever they are, and its manner of fetching from them.
debian_sources() {
    local file
    for file in /etc/apt/sources.list /etc/apt/sources.list.d/*.list /etc/apt/sources.list.d/*.sources; do
        if [ -f "$file" ] && grep -q '^[^#]*bookworm' "$file" && grep -q debian "$file"; then
            printf '%s\n' "$file"
        fi
    done
}

make_bare_root() {
    local sources options=() line
    mapfile -t sources < <(debian_sources)
    while read -r line; do options+=("--aptopt=$line"); done < <(apt-config dump |
        grep -E '^Acquire::(Check-Date|Check-Valid-Until|Retries|https?::Proxy) ' || true)
    unshare --mount mmdebstrap --quiet --variant=apt "${options[@]}" bookworm "$1" "${sources[@]}" >&2
    # A bare root knows no localhost.
    echo '127.0.0.1 localhost' >"$1/etc/hosts"
}

# The same as a tar file, kept for a week, for the suites that install into one; prints its path.
bare_root_tar() {
    local tar=build/cache/bookworm.tar root
    if [ -z "$(find "$tar" -mtime -7 2>/dev/null)" ]; then
        mkdir -p build/cache
        root=$(mktemp -d "${TMPDIR:-/var/tmp}/boxoffice-bare.XXXXXX")
        make_bare_root "$root" && tar --create --file="$tar.new" --directory="$root" \
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
