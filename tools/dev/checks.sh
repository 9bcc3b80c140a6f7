# shellcheck shell=bash
# Format, lint and coverage: what keeps the code tidy without running the program's tests.

c_files() { git ls-files -co --exclude-standard -- '*.c' '*.h' | while read -r f; do
    if [ -f "$f" ]; then printf '%s\n' "$f"; fi
done; }

format_sources() {
    need_packages "${FORMAT_PACKAGES[@]}"
    c_files | xargs -r clang-format -i
}

lint_format() { c_files | xargs -r clang-format --dry-run -Werror; }

lint_shell() {
    # Every tracked script says so in its first line or is a part of ./dev.
    { git ls-files -co --exclude-standard -- 'tools/dev/*.sh' '*.sh' dev .ci/run; } | sort -u |
        xargs -r shellcheck -x
}

lint_gcc() { build_tested; }
lint_clang() { build_clang; }

# Left out: what cppcheck concludes from conditions, because it does not know that ASSERT ends the
# program.
lint_cppcheck() {
    cppcheck --quiet --std=c11 --enable=warning,performance,portability --inline-suppr \
        --suppress=missingIncludeSystem --suppress=arrayIndexOutOfBoundsCond \
        --suppress=identicalInnerCondition --suppress=nullPointerRedundantCheck \
        --error-exitcode=1 -D_GNU_SOURCE -Isrc -j 2 src bench
}

lint_tidy() {
    git ls-files -co --exclude-standard -- 'src/*.c' |
        xargs -r -P 2 -n 8 clang-tidy --quiet --warnings-as-errors='*' -p build/clang
}

lint_sources() {
    local check log passed=0 failed=0
    need_packages "${BUILD_PACKAGES[@]}" "${UNIT_PACKAGES[@]}" "${CLANG_PACKAGES[@]}" \
        "${LINT_PACKAGES[@]}"
    for check in format shell gcc clang cppcheck tidy; do
        log=$(log_file "lint-$check")
        if "lint_$check" >"$log" 2>&1; then
            echo "ok $check"
            passed=$((passed + 1))
        else
            cat "$log"
            echo "not ok $check"
            failed=$((failed + 1))
        fi
    done
    echo "$passed passed, $failed failed, 0 skipped"
    [ "$failed" = 0 ]
}

measure_coverage() {
    export SANDBOX=off # the counts are written where no file of the program is
    need_packages "${BUILD_PACKAGES[@]}" "${UNIT_PACKAGES[@]}" "${COVERAGE_PACKAGES[@]}"
    build_coverage
    find build/coverage -name '*.gcda' -delete
    both unit_tests build/coverage and against build/coverage/boxoffice contract/ events/ ||
        say "some tests failed; the figures below are of what ran"
    gcovr --root . --filter src/ --exclude-unreachable-branches --print-summary \
        --html-details build/coverage/report.html build/coverage
    echo "details: build/coverage/report.html"
}
