// SPDX-License-Identifier: GPL-2.0-only
/* The kernel's messages on the paravirtual console (console=hvc0). */
#include <linux/console.h>
#include <linux/delay.h>

#include "kmod/pvkit/own/console.h"

#define WAIT_STEPS	1000	/* for a daemon that is slow, of WAIT_US each */
#define WAIT_US		100

static bool stalled;	/* the daemon let a message wait too long */

/* The kernel's own messages wait for a slow daemon, but only once for a dead one. */
static void put_all(const char *text, unsigned int count)
{
	unsigned int steps = stalled ? 0 : WAIT_STEPS;
	int written;

	while (count) {
		written = pvk_console_put(text, count);
		if (written < 0)
			return;
		text += written;
		count -= written;
		if (written)
			continue;
		if (!steps--)
			break;
		udelay(WAIT_US);
	}
	stalled = count != 0;
}

static void write_message(struct console *console, const char *text, unsigned int count)
{
	unsigned int line;

	while (count) {
		line = 0;
		while (line < count && text[line] != '\n')
			line++;
		put_all(text, line);
		if (line < count) {
			put_all("\r\n", 2);
			line++;
		}
		text += line;
		count -= line;
	}
}

static struct tty_driver *terminal(struct console *console, int *index)
{
	*index = 0;
	return pvk_console_tty_driver();
}

static struct console console = {
	.name = "hvc",
	.write = write_message,
	.device = terminal,
	.flags = CON_PRINTBUFFER,
	.index = -1,
};

void pvk_console_messages_start(void)
{
	stalled = false;
	register_console(&console);
}

void pvk_console_messages_stop(void)
{
	unregister_console(&console);
}
