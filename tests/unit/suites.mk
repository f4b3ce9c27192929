# SPDX-License-Identifier: MIT OR GPL-2.0-only
# Every suite, one a line; Kyuafile has the same lists. A suite that runs threads stands in both.

UNIT_SUITES := \
	runner \
	platform_contract \
	result \
	text

UNIT_THREADED_SUITES :=
