// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the backend's state is, told to the core; and told again, ever more rarely, while xenstore
 * has left something without an answer. A disk that works goes on meanwhile.
 */
#include <linux/device.h>

#include "kmod/blkfront/blkfront.h"

#define LONGEST_PAUSE	8	/* seconds */

void pvk_disk_ask_again(struct pvk_disk *disk)
{
	if (!pvk_blk_unfinished(disk->core)) {
		disk->again_pause = 0;
		return;
	}
	disk->again_pause = clamp(2 * disk->again_pause, 1u, (unsigned int)LONGEST_PAUSE);
	queue_delayed_work(pvk_disk_queue, &disk->again_work, disk->again_pause * HZ);
}

void pvk_disk_backend_changed(struct pvk_disk *disk, int state)
{
	struct pvk_blk_params params;
	unsigned int noio;

	noio = pvk_disk_lock(disk);
	/* They may have been written since the disk was connected last. */
	pvk_blkfront_params(&params);
	pvk_blk_set_params(disk->core, &params);
	pvk_blk_backend_changed(disk->core, state);
	pvk_disk_ask_again(disk);
	pvk_disk_unlock(disk, noio);
}

/*
 * With the device's lock: its backend is where the bus says while nobody suspends, resumes or
 * removes it. Not waited for, because who removes it has that lock and waits for us.
 */
void pvk_again_work(struct work_struct *work)
{
	struct pvk_disk *disk = container_of(work, struct pvk_disk, again_work.work);
	bool locked = device_trylock(disk->bus->dev);

	if (locked && !pvk_may_have_moved(disk))
		pvk_disk_backend_changed(disk, pvk_bus_state(disk->bus, PVK_BACKEND));
	else
		queue_delayed_work(pvk_disk_queue, &disk->again_work, HZ);
	if (locked)
		device_unlock(disk->bus->dev);
}
