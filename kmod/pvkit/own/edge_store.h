/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The C face of the xenstore client (frontends/xenbus/xs_client.h). Callers serialise all calls on
 * one wire. The records have the layout of their C++ twins, which edge_store.cc asserts.
 */
#ifndef PVKIT_KMOD_OWN_EDGE_STORE_H
#define PVKIT_KMOD_OWN_EDGE_STORE_H

#include "pvkit/platform.h"

#ifdef __cplusplus
extern "C" {
#endif

struct pvk_wire;	/* pvk::xs::Client */

/* enum xsd_sockmsg_type of xen/io/xs_wire.h, as far as the shims look at it. */
enum pvk_wire_type {
	PVK_WIRE_CONTROL = 0,
	PVK_WIRE_DIRECTORY = 1,
	PVK_WIRE_READ = 2,
	PVK_WIRE_WATCH = 4,
	PVK_WIRE_UNWATCH = 5,
	PVK_WIRE_TRANSACTION_START = 6,
	PVK_WIRE_TRANSACTION_END = 7,
	PVK_WIRE_WRITE = 11,
	PVK_WIRE_MKDIR = 12,
	PVK_WIRE_RM = 13,
	PVK_WIRE_WATCH_EVENT = 15,
	PVK_WIRE_ERROR = 16,
	PVK_WIRE_RESUME = 18,
	PVK_WIRE_RESET_WATCHES = 21
};

#define PVK_WIRE_MAX_BODY	4096	/* XENSTORE_PAYLOAD_MAX */
#define PVK_WIRE_MAX_PATH	3073	/* of an event, with its NUL */

/* struct xsd_sockmsg */
struct pvk_wire_header {
	pvk_u32 type;
	pvk_u32 id;
	pvk_u32 transaction;
	pvk_u32 length;
};

struct pvk_wire_watch {
	struct pvk_wire_watch *next;
	const char *path;
	pvk_u32 path_length;
	pvk_u32 number;
	char token[12];		/* set by pvk_wire_add_watch() */
	pvk_u8 registered;
	pvk_u8 register_again;
	pvk_u8 missed;
};

struct pvk_wire_part {
	const char *bytes;
	pvk_u32 length;
};

enum pvk_wire_request_state {
	PVK_WIRE_IDLE, PVK_WIRE_PENDING, PVK_WIRE_IN_FLIGHT, PVK_WIRE_DONE
};

/* See pvk::xs::Request; all zero to begin with. */
struct pvk_wire_request {
	struct pvk_wire_request *next;
	pvk_u32 type;
	pvk_u32 transaction;
	struct pvk_wire_part parts[4];
	pvk_u32 part_count;
	pvk_u32 capacity;
	char *reply;
	pvk_u32 reply_length;
	int error;		/* a positive errno value */
	struct pvk_wire_watch *watch;
	pvk_u32 id;
	pvk_u8 state;
	pvk_u8 sent_again;
};

enum pvk_wire_state {
	PVK_WIRE_CLOSED, PVK_WIRE_CONNECTED, PVK_WIRE_RECONNECTING, PVK_WIRE_PROBING,
	PVK_WIRE_BROKEN
};

/* What a pump did, bit by bit. */
#define PVK_WIRE_MOVED	1
#define PVK_WIRE_AGAIN	2

/* May sleep; NULL when there is no memory. */
struct pvk_wire *pvk_wire_create(pvk_u32 first_id);
/* Closed before, with every request taken out. */
void pvk_wire_destroy(struct pvk_wire *wire);

/* Notify the server after each of these. */
void pvk_wire_start(struct pvk_wire *wire, void *page);
void pvk_wire_close(struct pvk_wire *wire);
void pvk_wire_reconnect(struct pvk_wire *wire);
void pvk_wire_suspend(struct pvk_wire *wire);
void pvk_wire_resume(struct pvk_wire *wire, void *page);
int pvk_wire_quiet(struct pvk_wire *wire);
int pvk_wire_between_messages(struct pvk_wire *wire);
int pvk_wire_state(struct pvk_wire *wire);
/* Once a second while it is wanted; pump and notify afterwards. @patience: seconds. */
int pvk_wire_wants_ticks(struct pvk_wire *wire);
void pvk_wire_tick(struct pvk_wire *wire, pvk_u32 patience);

void pvk_wire_submit(struct pvk_wire *wire, struct pvk_wire_request *request);
void pvk_wire_abandon(struct pvk_wire *wire, struct pvk_wire_request *request);
int pvk_wire_pump(struct pvk_wire *wire);
struct pvk_wire_request *pvk_wire_take_done(struct pvk_wire *wire);

void pvk_wire_add_watch(struct pvk_wire *wire, struct pvk_wire_watch *watch);
void pvk_wire_remove_watch(struct pvk_wire *wire, struct pvk_wire_watch *watch);
int pvk_wire_events_wait(struct pvk_wire *wire);
/* @path: PVK_WIRE_MAX_PATH bytes. NULL when no event waits. */
struct pvk_wire_watch *pvk_wire_next_event(struct pvk_wire *wire, char *path);

/* "EAGAIN" for 11, and so on. */
const char *pvk_wire_error_name(int error);

/* Calls @show with the name and value of each counter. */
void pvk_wire_counters(struct pvk_wire *wire,
		       void (*show)(void *context, const char *name, pvk_u64 value), void *context);

#ifdef __cplusplus
}
#endif

#endif
