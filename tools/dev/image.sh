# shellcheck shell=bash
# The container image, built and run without a container engine: buildah in a chroot, on a base made
# from the machine's own package sources. Images and layers are kept in build/containers.

CONTAINER_STORE=(--root "$PWD/build/containers/storage" --runroot "$PWD/build/containers/run")
IMAGE_BASE=localhost/boxoffice-base
IMAGE=localhost/boxoffice

# The base is imported anew when the bare root is a new one.
make_image_base() {
    local tar
    tar=$(bare_root_tar) || return 1
    if buildah "${CONTAINER_STORE[@]}" inspect --type image "$IMAGE_BASE" >/dev/null 2>&1 &&
        [ ! "$tar" -nt build/containers/base ]; then return 0; fi
    podman "${CONTAINER_STORE[@]}" import "$tar" "$IMAGE_BASE" && touch build/containers/base
}

# Docker's own format: the other one has no place for a health check.
build_image() {
    local log
    mkdir -p build/containers
    log=$(log_file image)
    { make_image_base && buildah "${CONTAINER_STORE[@]}" build --isolation chroot --network host \
        --pull-never --layers --format docker --build-arg "BASE=$IMAGE_BASE" \
        --file deploy/docker/Dockerfile --tag "$IMAGE" .; } >"$log" 2>&1 || {
        tail -n 40 "$log" >&2
        return 1
    }
}

suite_image() {
    [ "$(id -u)" = 0 ] || die "image: needs root (sudo ./dev test image)"
    build_image || return 1
    IMAGE=$IMAGE IMAGE_BASE=$IMAGE_BASE CONTAINER_STORE="${CONTAINER_STORE[*]}" \
        against build/boxoffice image/
}
