#!/bin/sh
# SPDX-License-Identifier: MIT OR GPL-2.0-only
# Fails unless the files tests/unit/*_test.cc, suites.mk and the Kyuafile name the same suites.
set -eu
cd "$1"

files=$(for file in *_test.cc; do echo "${file%_test.cc}"; done | sort)

# of_make NAME: the words of a make list
of_make() {
	sed -n "/^$1 :=/,/[^\\\\]\$/p" suites.mk | sed "s/^$1 :=//; s/\\\\//g" |
		tr -s ' \t' '\n\n' | sed '/^$/d' | sort
}
# of_lua NAME: the words of a Lua list
of_lua() {
	sed -n "/^local $1 = {/,/}/p" Kyuafile | grep -o '"[a-z0-9_]*"' | tr -d '"' | sort
}

agree() {
	[ "$2" = "$3" ] && return
	echo "tests/unit: $1 disagree:" >&2
	{ echo "$2"; echo "$3"; } | sort | uniq -u >&2
	exit 1
}
agree "the files *_test.cc and UNIT_SUITES in suites.mk" "$files" "$(of_make UNIT_SUITES)"
agree "UNIT_SUITES in suites.mk and suites in Kyuafile" "$(of_make UNIT_SUITES)" "$(of_lua suites)"
agree "the threaded suites in suites.mk and Kyuafile" "$(of_make UNIT_THREADED_SUITES)" \
	"$(of_lua threaded)"
