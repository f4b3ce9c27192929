/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef PVKIT_KMOD_OWN_BUS_H
#define PVKIT_KMOD_OWN_BUS_H

#include <linux/types.h>

struct bus_type;
struct device;
struct pvk_frontend;

extern struct bus_type pvk_own_bus;

/* The frontend that a device is bound to, or NULL. */
struct pvk_frontend *pvk_own_frontend_of(struct device *dev);

/* Devices neither come nor go any more, until the kernel ends. Returns how many there are. */
unsigned int pvk_own_bus_freeze(void);
/* The domain may be another one already, and devices have not been told. */
bool pvk_own_bus_moves(void);
/* Something could not be done for a device: all are looked at again in a moment. */
void pvk_own_bus_later(int err);

#endif
