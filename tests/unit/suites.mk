# SPDX-License-Identifier: MIT OR GPL-2.0-only
# Every suite, one a line; Kyuafile has the same lists. A suite that runs threads stands in both.

UNIT_SUITES := \
	bad_input \
	balloon \
	block_io \
	call_arguments \
	console_ring \
	device \
	event_interleaving \
	event_throttle \
	fake_xen \
	fake_xenstore \
	fault_sweep \
	features \
	fifo \
	front_ring \
	fuzz_replay \
	grant_entries \
	grant_references \
	grant_table \
	handshake \
	history \
	hostile_grants \
	hostile_leaks \
	hostile_responses \
	hostile_ring \
	hostile_states \
	hostile_xenstore \
	hypercalls \
	late_xenstore \
	lies \
	multicall \
	naming \
	ownership \
	plan \
	platform_contract \
	pvclock \
	replay \
	result \
	ring_interleaving \
	runner \
	shared_info \
	shutdown_control \
	stress \
	text \
	two_level \
	unplug \
	wallclock \
	watchdog \
	xen_calls \
	xs_client \
	xs_hostile \
	xs_probe \
	xs_reconnect \
	xs_replay

UNIT_THREADED_SUITES := \
	console_ring \
	pvclock \
	stress
