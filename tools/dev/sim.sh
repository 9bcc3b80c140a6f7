# shellcheck shell=bash
# The simulator (tests/sim): seeds, the long form, and planted bugs.

build_sim() {
    setup_in build -Dtests=true || return 1
    if [ ! -d build/tests ]; then meson configure build -Dtests=true >&2 || return 1; fi
    compile_in build boxoffice-sim
}

need_sim() {
    need_packages "${BUILD_PACKAGES[@]}" "${UNIT_PACKAGES[@]}"
    build_sim
}

# Without arguments as in CI; with arguments those of boxoffice-sim.
command_sim() {
    need_sim
    if [ "$#" != 0 ]; then exec build/boxoffice-sim "$@"; fi
    python3 tests/sim/run.py build "${SIM_SECONDS:-120}"
}

# soak [SECONDS]: as many seeds as fit, on every core: the figures of docs/proof.md. Its runs are
# shorter than those of `sim`, so that there are more of them, and of their beginnings and ends.
command_soak() {
    need_sim
    exec build/boxoffice-sim --seed "${SIM_SEED:-$(date -u +%Y%m%d0000000)}" --steps 1000 \
        --seconds "${1:-1800}" --jobs "$(nproc)"
}

command_sim_mutants() {
    need_sim
    exec python3 tests/sim/mutants/run.py build "$@"
}

# The planted bugs are a fixed few here; ./dev sim-mutants has them all.
suite_sim() {
    build_sim || return 1
    both python3 tests/sim/run.py build 0 and python3 tests/sim/mutants/run.py build --sample 8
}
