# shellcheck shell=bash
# Builds. All of them live under build/; the program itself is build/boxoffice. What a build says
# goes to standard error, because the first line of `./dev run` on standard output is the program's.

log_file() {
    mkdir -p build/logs
    printf 'build/logs/%s.log' "$1"
}

# setup_in FOLDER [OPTION…]: the options of `meson setup`, which count the first time only.
setup_in() {
    local folder=$1 log
    if [ -f "$folder/build.ninja" ]; then return 0; fi
    log=$(log_file "setup-${folder##*/}")
    # A newer compiler has newer warnings: they end our builds, never a user's.
    if [ "${CI:-}" = true ]; then set -- "$@" -Dwerror=true; fi
    meson setup "$@" >"$log" 2>&1 || {
        cat "$log" >&2
        return 1
    }
}

# Quiet when all is well. One at a time in a folder.
compile_in() {
    local log
    log=$(log_file "compile-$(basename "$1")")
    {
        flock 9
        ninja -C "$@" >"$log" 2>&1 9<&- || {
            grep -v '^\[[0-9]*/[0-9]*\] ' "$log" >&2
            return 1
        }
    } 9<"$1"
}

build_release() {
    setup_in build -Dtests=false && compile_in build boxoffice
}

# The same folder, now with the unit tests.
build_tested() {
    setup_in build -Dtests=true || return 1
    if [ ! -d build/tests ]; then meson configure build -Dtests=true >&2 || return 1; fi
    compile_in build
}

build_asan() {
    setup_in build/asan -Db_sanitize=address,undefined -Doptimization=1 \
        -Dc_args=-fno-sanitize-recover=all && compile_in build/asan
}

build_tsan() {
    CC=clang setup_in build/tsan -Db_sanitize=thread -Db_lundef=false -Doptimization=1 &&
        compile_in build/tsan
}

build_fuzz() {
    CC=clang setup_in build/fuzz -Dfuzz=true -Db_lundef=false -Doptimization=1 &&
        compile_in build/fuzz fuzzers
}

build_clang() {
    CC=clang setup_in build/clang && compile_in build/clang
}

build_coverage() {
    # Threads count together: without atomic counters some end up negative.
    setup_in build/coverage -Db_coverage=true -Doptimization=0 \
        -Dc_args=-fprofile-update=atomic && compile_in build/coverage
}
