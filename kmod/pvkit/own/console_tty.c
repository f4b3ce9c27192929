// SPDX-License-Identifier: GPL-2.0-only
/*
 * Terminal hvc0. It is one of our own: the kernel's hvc driver is exported to modules, but its
 * header is not among those that they are built with.
 */
#include <linux/err.h>
#include <linux/limits.h>
#include <linux/minmax.h>
#include <linux/tty_flip.h>

#include "compat/tty.h"
#include "kmod/pvkit/own/console.h"

static struct tty_driver *driver;
static struct tty_port port;

static int hvc_install(struct tty_driver *driver, struct tty_struct *tty)
{
	return tty_port_install(&port, driver, tty);
}

static PVK_TTY_WRITTEN hvc_write(struct tty_struct *tty, const u8 *text, PVK_TTY_COUNT count)
{
	int written = pvk_console_put((const char *)text, min_t(size_t, count, INT_MAX));

	return written < 0 ? count : written;	/* nobody will ever read it */
}

static unsigned int hvc_write_room(struct tty_struct *tty)
{
	int room = pvk_console_space();

	return room < 0 ? PAGE_SIZE : room;
}

static int hvc_open(struct tty_struct *tty, struct file *file)
{
	return tty_port_open(&port, tty, file);
}

static void hvc_close(struct tty_struct *tty, struct file *file)
{
	tty_port_close(&port, tty, file);
}

static void hvc_hangup(struct tty_struct *tty)
{
	tty_port_hangup(&port);
}

static const struct tty_operations operations = {
	.install = hvc_install,
	.open = hvc_open,
	.close = hvc_close,
	.write = hvc_write,
	.write_room = hvc_write_room,
	.hangup = hvc_hangup,
};

static const struct tty_port_operations port_operations = { };

void pvk_console_tty_typed(const char *text, unsigned int count)
{
	tty_insert_flip_string(&port, (const u8 *)text, count);
}

void pvk_console_tty_flush(void)
{
	tty_flip_buffer_push(&port);
}

void pvk_console_tty_wake(void)
{
	tty_port_tty_wakeup(&port);
}

struct tty_driver *pvk_console_tty_driver(void)
{
	return driver;
}

static int register_tty(void)
{
	struct device *device;
	int err = tty_register_driver(driver);

	if (err)
		return err;
	device = tty_port_register_device(&port, driver, 0, NULL);
	if (!IS_ERR(device))
		return 0;
	tty_unregister_driver(driver);
	return PTR_ERR(device);
}

void pvk_console_tty_init(void)
{
	tty_port_init(&port);
	port.ops = &port_operations;
}

void pvk_console_tty_exit(void)
{
	tty_port_destroy(&port);
}

int pvk_console_tty_start(void)
{
	int err;

	driver = tty_alloc_driver(1, TTY_DRIVER_REAL_RAW | TTY_DRIVER_RESET_TERMIOS |
				  TTY_DRIVER_DYNAMIC_DEV);
	if (IS_ERR(driver))
		return PTR_ERR(driver);
	driver->driver_name = "pvkit-console";
	driver->name = "hvc";
	driver->type = TTY_DRIVER_TYPE_SYSTEM;
	driver->init_termios = tty_std_termios;
	tty_set_operations(driver, &operations);
	err = register_tty();
	if (err)
		tty_driver_kref_put(driver);
	return err;
}

void pvk_console_tty_stop(void)
{
	tty_unregister_device(driver, 0);
	tty_unregister_driver(driver);
	tty_driver_kref_put(driver);
}
