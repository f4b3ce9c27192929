# SPDX-License-Identifier: MIT OR GPL-2.0-only
# shellcheck shell=sh
# Sourced at the top of the tree by what runs tests.

# Kyua looks for programs in build/ at the place of their Kyuafile: the compiled ones are there,
# those that need no compiling are linked.
mkdir -p build/tests
for room in gate lab; do
    ln -sfn "../../tests/$room" "build/tests/$room"
done
# Kyua gives each test a home of its own, but what the lab has fetched is to be found again.
export PVKIT_CACHE="${PVKIT_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/pvkit}"
rm -rf build/gate/*.done

# run_kyua RESULTS FOLDER [FILTER...]: the tests of a folder, or some of them. One after the other where several at
# once would be in each other's way: is_exclusive.
run_kyua() {
    results=$1 folder=$2
    shift 2
    priority=
    [ "$folder" = tests/lab ] || priority="chrt --idle 0"
    $priority kyua --config=none --variable=parallelism="$(nproc)" test --results-file="$results" \
        --kyuafile="$folder/Kyuafile" --build-root="build/$folder" "$@"
}
