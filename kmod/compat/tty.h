/* SPDX-License-Identifier: GPL-2.0-only */
/* Terminals: how a driver's write is declared. */
#ifndef PVKIT_COMPAT_TTY_H
#define PVKIT_COMPAT_TTY_H

#include <linux/tty.h>
#include <linux/tty_driver.h>

#include <pvkit_probes.h>

#if PVK_HAVE_TTY_WRITE_SIZE
typedef size_t pvk_tty_count;
typedef ssize_t pvk_tty_written;
#else
typedef int pvk_tty_count;
typedef int pvk_tty_written;
#endif

#endif
