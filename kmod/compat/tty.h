/* SPDX-License-Identifier: GPL-2.0-only */
/* Terminals: how a driver's write is declared. */
#ifndef PVKIT_COMPAT_TTY_H
#define PVKIT_COMPAT_TTY_H

#include <linux/tty.h>
#include <linux/tty_driver.h>

#include <pvkit_probes.h>

#if PVK_HAVE_TTY_WRITE_SIZE
#define PVK_TTY_COUNT	size_t
#define PVK_TTY_WRITTEN	ssize_t
#else
#define PVK_TTY_COUNT	int
#define PVK_TTY_WRITTEN	int
#endif

#endif
