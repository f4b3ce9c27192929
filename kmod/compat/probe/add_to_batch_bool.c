// SPDX-License-Identifier: GPL-2.0-only
/*
 * 6.15: blk_mq_add_to_batch() is told whether the request failed (bool). 5.16 to 6.14: it gets
 * the driver's error number. The compiler would convert one to the other, so this asks for the
 * exact type.
 */
#include <linux/blk-mq.h>

static_assert(__builtin_types_compatible_p(typeof(&blk_mq_add_to_batch),
		bool (*)(struct request *, struct io_comp_batch *, bool,
			 void (*)(struct io_comp_batch *))));
