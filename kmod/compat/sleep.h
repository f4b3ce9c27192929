/* SPDX-License-Identifier: GPL-2.0-only */
/* Keeping the machine from being put to sleep meanwhile. */
#ifndef PVKIT_COMPAT_SLEEP_H
#define PVKIT_COMPAT_SLEEP_H

#include <linux/suspend.h>

#include <pvkit_probes.h>

static inline unsigned int pvk_lock_system_sleep(void)
{
#if PVK_HAVE_LOCK_SLEEP_FLAGS
	return lock_system_sleep();
#else
	lock_system_sleep();
	return 0;
#endif
}

static inline void pvk_unlock_system_sleep(unsigned int flags)
{
#if PVK_HAVE_LOCK_SLEEP_FLAGS
	unlock_system_sleep(flags);
#else
	unlock_system_sleep();
#endif
}

#endif
