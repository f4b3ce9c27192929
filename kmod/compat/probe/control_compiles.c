// SPDX-License-Identifier: GPL-2.0-only
/* Control: every header that a probe includes; this file must compile on every kernel. */
#include <linux/blkdev.h>
#include <linux/blk-mq.h>
#include <linux/device.h>
#include <linux/hdreg.h>
#include <linux/hrtimer.h>
#include <linux/irq.h>
#include <linux/scatterlist.h>
#include <linux/suspend.h>
#include <linux/timer.h>
#include <linux/tty.h>
#include <linux/tty_driver.h>

/* Only then are these used, and only then do they compile. */
#if IS_ENABLED(CONFIG_XEN_XENBUS_FRONTEND)
#include <xen/events.h>
#include <xen/grant_table.h>
#include <xen/xenbus.h>
#endif

int pvk_probe(struct request *rq);
int pvk_probe(struct request *rq)
{
	return rq_data_dir(rq);
}
