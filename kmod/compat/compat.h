/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * One face for every supported kernel. Shims are written as if for the newest one; where an
 * older kernel differs, a pvk_ function or macro named after the newest call stands in.
 * Which kernel has what is answered by compile probes (kmod/compat/probe), never by a version.
 */
#ifndef PVKIT_COMPAT_H
#define PVKIT_COMPAT_H

#include "compat/blk_limits.h"
#include "compat/blk_mq.h"
#include "compat/disk.h"
#include "compat/timer.h"

#endif
