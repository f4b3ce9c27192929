// SPDX-License-Identifier: GPL-2.0-only
/* 6.1: lock_system_sleep() returns what unlock_system_sleep() wants back. */
#include <linux/suspend.h>

unsigned int pvk_probe(void);
unsigned int pvk_probe(void)
{
	return lock_system_sleep();
}
