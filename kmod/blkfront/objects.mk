# SPDX-License-Identifier: GPL-2.0-only
blkfront-shims := \
	kmod/blkfront/module.c \
	kmod/blkfront/bus.c \
	kmod/blkfront/again.c \
	kmod/blkfront/disk.c \
	kmod/blkfront/lanes.c \
	kmod/blkfront/replay.c \
	kmod/blkfront/timeout.c \
	kmod/blkfront/submit.c \
	kmod/blkfront/complete.c \
	kmod/blkfront/stats.c
blkfront-cxx := \
	hypercalls/shared_pages.cc \
	frontends/xenbus/handshake.cc \
	frontends/xenbus/xenstore.cc \
	frontends/block/device.cc \
	frontends/block/device_setup.cc \
	frontends/block/naming.cc \
	frontends/block/offer.cc \
	frontends/block/plan.cc \
	frontends/block/publish.cc \
	frontends/block/queue.cc \
	frontends/block/queue_consumer.cc \
	frontends/block/queue_producer.cc \
	frontends/block/segment_pool.cc \
	kmod/blkfront/edge_device.cc \
	kmod/blkfront/edge_queue.cc
