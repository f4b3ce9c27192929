// SPDX-License-Identifier: GPL-2.0-only
/*
 * 6.6: a tty's write takes a size_t and returns a ssize_t. Before: int and int.
 */
#include <linux/tty.h>
#include <linux/tty_driver.h>

ssize_t pvk_write(struct tty_struct *tty, const u8 *text, size_t count);

extern struct tty_operations pvk_operations;

void pvk_probe(void);
void pvk_probe(void)
{
	pvk_operations.write = pvk_write;
}
