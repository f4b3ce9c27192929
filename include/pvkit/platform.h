/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * platform.h - everything that an operating system gives the runtime.
 *
 * The only header that C and C++ share in the core. A port implements each function once; the
 * runtime calls nothing else of its host but memcpy, memmove, memset and memcmp, which a compiler
 * may call on its own. At most 30 functions: a unit test counts them.
 *
 * Conventions: integers that cross this line are fixed width, and 64-bit ones are `unsigned long
 * long` so that C and C++ agree on the mangled type (kernel CFI hashes it). Functions that can
 * fail return 0 or a negative errno. A gfn is a frame number as the hypervisor counts this
 * guest's memory (a machine frame in a PV guest), always in units of 4 KiB.
 */
#ifndef PVKIT_PLATFORM_H
#define PVKIT_PLATFORM_H

#ifdef __cplusplus
extern "C" {
#endif

#define PVK_PAGE_SIZE 4096u

typedef unsigned char pvk_u8;
typedef unsigned short pvk_u16;
typedef unsigned int pvk_u32;
typedef unsigned long long pvk_u64;
typedef __SIZE_TYPE__ pvk_size;

/* A frontend device's place on xenbus, and one open event channel: each OS defines its own. */
struct pvk_bus;
struct pvk_event;

/* The errno values that the runtime tells apart, as Linux and Xen number them. */
enum {
  PVK_EPERM = 1,
  PVK_ENOENT = 2,
  PVK_EINTR = 4,
  PVK_EIO = 5,
  PVK_EAGAIN = 11,
  PVK_ENOMEM = 12,
  PVK_EBUSY = 16,
  PVK_EEXIST = 17,
  PVK_ENODEV = 19,
  PVK_EINVAL = 22,
  PVK_ENOSPC = 28,
  PVK_ERANGE = 34,
  PVK_ETIME = 62,
  PVK_EPROTO = 71,
  PVK_EOPNOTSUPP = 95,
  PVK_ETIMEDOUT = 110
};

/* ---- memory ------------------------------------------------------------------------------- */

/* Zeroed memory for the runtime's own records, aligned to 64 bytes; may sleep. NULL when there is
 * none. */
void* pvk_alloc(pvk_size bytes);
void pvk_free(void* memory);

/* @count zeroed pages, virtually contiguous, that can be shared with another domain page by page.
 * @may_sleep is 0 on the I/O path. NULL when there are none. Pages of one block may be freed one
 * by one: a backend that still holds one of them must not keep the others. */
void* pvk_pages_alloc(unsigned int count, int may_sleep);
void pvk_pages_free(void* pages, unsigned int count);

/* The gfn of the page that holds @address, which is any address the OS hands to the runtime. */
pvk_u64 pvk_gfn(const void* address);

/* ---- grants (xen/grant_table.h) ----------------------------------------------------------- */

/* Reserves @count consecutive grant references; may sleep and may grow the table. */
int pvk_grant_reserve(unsigned int count, pvk_u32* first);
/* Gives references back; none of them may be published or parked. */
void pvk_grant_release(pvk_u32 first, unsigned int count);
/* Lets @domid access @gfn through @ref from now on. Any context. */
void pvk_grant_publish(pvk_u32 ref, pvk_u16 domid, pvk_u64 gfn, int readonly);
/* Ends the access: 0, or -EBUSY while the other domain still holds the page. Any context. */
int pvk_grant_revoke(pvk_u32 ref);
/* The same for a reference that will not be used again: it is released too. On -EBUSY it is neither
 * and is to be parked. This is expected to be refused while a device closes, revoke is not. */
int pvk_grant_end(pvk_u32 ref);
/* Takes over a reference that could not be revoked: it leaves its reservation, is retried until
 * the backend lets go and only then released. @page is the page behind it; with @owned set it is
 * freed then, otherwise the port keeps it from being reused until then. Cannot fail. Any context.
 */
void pvk_grant_park(pvk_u32 ref, void* page, int owned);

/* ---- event channels (xen/event_channel.h) ------------------------------------------------- */

/* Called for each event, never twice at once for one channel. Returns whether there was work: an
 * event without any is what an abusive backend sends, and the port may slow it down. */
typedef int (*pvk_upcall)(void* context);

/* Opens a channel for the backend of @bus and binds @upcall to it; may sleep. */
int pvk_event_open(struct pvk_bus* bus, pvk_upcall upcall, void* context, struct pvk_event** event);
/* Closes it; when this returns the upcall does not run and never will. May sleep. */
void pvk_event_close(struct pvk_event* event);
/* The port number to tell the backend. */
pvk_u32 pvk_event_port(const struct pvk_event* event);
/* One EVTCHNOP_send. Any context. */
void pvk_event_notify(struct pvk_event* event);

/* ---- xenstore (xen/io/xs_wire.h, xen/io/xenbus.h); all may sleep -------------------------- */

/* EINTR, EIO, EAGAIN, ENOMEM, EBUSY and ETIMEDOUT mean that there is no answer yet: the runtime asks
 * again. Any other errno is the answer. */

enum pvk_side { PVK_FRONTEND = 0, PVK_BACKEND = 1 };

/* Reads @key below the frontend's or backend's directory into @buffer, without a final NUL.
 * Returns the length of the value, -ENOENT when there is none, -ERANGE when it is longer than
 * @capacity, or another negative errno. */
int pvk_xs_read(struct pvk_bus* bus, int side, const char* key, char* buffer, pvk_size capacity);
/* Writes or removes @key in the frontend's directory, in @transaction (0: outside of any). */
int pvk_xs_write(struct pvk_bus* bus, pvk_u32 transaction, const char* key, const char* value);
int pvk_xs_remove(struct pvk_bus* bus, pvk_u32 transaction, const char* key);
/* Commit returns -EAGAIN when another writer came between: start again. */
int pvk_xs_begin(struct pvk_bus* bus, pvk_u32* transaction);
int pvk_xs_end(struct pvk_bus* bus, pvk_u32 transaction, int commit);
/* Sets the frontend's state (enum xenbus_state). */
int pvk_xs_set_state(struct pvk_bus* bus, int state);
/* The domain that runs the backend, and the frontend's name for messages. */
pvk_u16 pvk_bus_backend_domid(const struct pvk_bus* bus);
const char* pvk_bus_name(const struct pvk_bus* bus);

/* ---- the rest ----------------------------------------------------------------------------- */

/* Monotonic nanoseconds. Any context. */
pvk_u64 pvk_time_ns(void);

enum pvk_log_level { PVK_LOG_ERROR = 3, PVK_LOG_WARNING = 4, PVK_LOG_INFO = 6 };
/* One line; @device is a frontend's name or "". Any context. */
void pvk_log(int level, const char* device, const char* format, ...)
    __attribute__((format(printf, 3, 4)));

/* A broken invariant of the runtime's own, never of a backend's making. Does not return; not
 * declared so because objtool of older kernels refuses unknown noreturn functions. */
void pvk_panic(const char* why);

#ifdef __cplusplus
}
#endif

#endif
