# SPDX-License-Identifier: GPL-2.0-only
pvkit-shims := \
	kmod/pvkit/main.c \
	kmod/pvkit/memory.c \
	kmod/pvkit/grants.c \
	kmod/pvkit/events.c \
	kmod/pvkit/bus.c \
	kmod/pvkit/report.c
pvkit-cxx := \
	hypercalls/detect.cc \
	kmod/pvkit/hypervisor.cc \
	hypercalls/grant_references.cc \
	kmod/pvkit/own/edge_grants.cc \
	kmod/pvkit/own/edge_hypercall.cc
