# SPDX-License-Identifier: GPL-2.0-only
pvkit-shims := \
	kmod/pvkit/main.c \
	kmod/pvkit/memory.c \
	kmod/pvkit/parking.c \
	kmod/pvkit/platform.c \
	kmod/pvkit/report.c
# Failures on purpose, in modules that are built for nothing else.
ifeq ($(FAULTS),1)
pvkit-shims += kmod/pvkit/faults.c
endif
# A client of the kernel's own Xen support, where there is any.
ifneq ($(CONFIG_XEN_XENBUS_FRONTEND),)
pvkit-shims += \
	kmod/pvkit/client/client.c \
	kmod/pvkit/client/events.c \
	kmod/pvkit/client/frontend.c \
	kmod/pvkit/client/grants.c \
	kmod/pvkit/client/xenstore.c
endif
pvkit-cxx := \
	hypercalls/detect.cc \
	kmod/pvkit/hypervisor.cc
# The own way: a kernel that is no Xen guest.
pvkit-shims += \
	kmod/pvkit/own/balloon.c \
	kmod/pvkit/own/balloon_pages.c \
	kmod/pvkit/own/bus.c \
	kmod/pvkit/own/devices.c \
	kmod/pvkit/own/clock.c \
	kmod/pvkit/own/console.c \
	kmod/pvkit/own/console_messages.c \
	kmod/pvkit/own/console_tty.c \
	kmod/pvkit/own/device.c \
	kmod/pvkit/own/device_files.c \
	kmod/pvkit/own/event_moves.c \
	kmod/pvkit/own/events.c \
	kmod/pvkit/own/fifo_pages.c \
	kmod/pvkit/own/frames.c \
	kmod/pvkit/own/grants.c \
	kmod/pvkit/own/kexec.c \
	kmod/pvkit/own/line.c \
	kmod/pvkit/own/own.c \
	kmod/pvkit/own/panic.c \
	kmod/pvkit/own/proc_xen.c \
	kmod/pvkit/own/report.c \
	kmod/pvkit/own/shutdown.c \
	kmod/pvkit/own/sleep.c \
	kmod/pvkit/own/store.c \
	kmod/pvkit/own/store_calls.c \
	kmod/pvkit/own/store_watch.c \
	kmod/pvkit/own/suspend.c \
	kmod/pvkit/own/unplug.c \
	kmod/pvkit/own/unplug_pci.c \
	kmod/pvkit/own/vectors.c \
	kmod/pvkit/own/watchdog.c \
	kmod/pvkit/own/xenbus_dev.c \
	kmod/pvkit/own/xenbus_dev_end.c \
	kmod/pvkit/own/xenbus_dev_request.c \
	kmod/pvkit/own/xenbus_dev_watch.c \
	kmod/pvkit/own/xenstore.c
pvkit-cxx += \
	frontends/xenbus/xs_client.cc \
	frontends/xenbus/xs_client_connect.cc \
	frontends/xenbus/xs_client_receive.cc \
	frontends/xenbus/xs_client_send.cc \
	frontends/xenbus/xs_client_time.cc \
	frontends/xenbus/xs_errors.cc \
	frontends/xenbus/xs_request.cc \
	frontends/xenbus/xs_ring.cc \
	frontends/xenbus/xs_search.cc \
	frontends/xenbus/xs_transactions.cc \
	frontends/xenbus/xs_watches.cc \
	hypercalls/fifo.cc \
	hypercalls/grant_references.cc \
	hypercalls/shared_info.cc \
	hypercalls/two_level.cc \
	kmod/pvkit/own/edge_balloon.cc \
	kmod/pvkit/own/edge_clock.cc \
	kmod/pvkit/own/edge_console.cc \
	kmod/pvkit/own/edge_events.cc \
	kmod/pvkit/own/edge_grants.cc \
	kmod/pvkit/own/edge_hypercall.cc \
	kmod/pvkit/own/edge_services.cc \
	kmod/pvkit/own/edge_shutdown.cc \
	kmod/pvkit/own/edge_start.cc \
	kmod/pvkit/own/edge_store.cc \
	kmod/pvkit/own/edge_unplug.cc \
	kmod/pvkit/own/edge_vcpus.cc \
	pvops/balloon.cc \
	pvops/shutdown_control.cc \
	pvops/unplug.cc
