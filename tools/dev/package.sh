# shellcheck shell=bash
# The Debian package: deploy/debian and deploy/systemd, built by debhelper from a copy of the tree.

PACKAGE_FOLDER=build/package

project_version() { sed -n "s/^ *version: '\([0-9.]*\)',/\1/p" meson.build | head -n 1; }

# The tracked files in build/package/tree, with debian/ where dpkg looks for it. The changelog is
# made: its version is that of meson.build, its date that of the last commit.
lay_out_package() {
    local tree=$PACKAGE_FOLDER/tree when file
    rm -rf "$tree"
    copy_tree "$tree"
    mv "$tree/deploy/debian" "$tree/debian"
    for file in "$tree"/deploy/systemd/boxoffice{,@}.service "$tree"/deploy/systemd/boxoffice.{sysusers,tmpfiles}; do
        cp "$file" "$tree/debian/"
    done
    for file in service timer; do
        cp "$tree/deploy/systemd/boxoffice-backup.$file" "$tree/debian/boxoffice.boxoffice-backup.$file"
    done
    when=$(git log -1 --format=%cD 2>/dev/null || date -R)
    {
        printf 'boxoffice (%s) bookworm; urgency=medium\n\n  * Release %s.\n\n' \
            "$(project_version)" "$(project_version)"
        printf ' -- %s  %s\n' "$(sed -n 's/^Maintainer: //p' "$tree/debian/control")" "$when"
    } >"$tree/debian/changelog"
}

# Leaves boxoffice_VERSION_ARCH.deb, libboxoffice-dev_VERSION_ARCH.deb and their .changes in
# build/package.
build_package() {
    local log
    log=$(log_file package)
    mkdir -p "$PACKAGE_FOLDER"
    rm -f "$PACKAGE_FOLDER"/{boxoffice,libboxoffice-dev}*
    lay_out_package || return 1
    (cd "$PACKAGE_FOLDER/tree" && DEB_BUILD_OPTIONS="parallel=2 nocheck" \
        dpkg-buildpackage --build=binary --unsigned-changes --no-pre-clean) >"$log" 2>&1 || {
        tail -n 40 "$log" >&2
        return 1
    }
    find "$PACKAGE_FOLDER" -maxdepth 1 -name '*boxoffice*.deb' ! -name '*dbgsym*'
}

command_package() {
    need_packages "${BUILD_PACKAGES[@]}" "${PACKAGE_PACKAGES[@]}"
    build_package
}
