/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The console's parts: console.c has the ring, console_messages.c the kernel's messages,
 * console_tty.c hvc0.
 */
#ifndef PVKIT_KMOD_OWN_CONSOLE_H
#define PVKIT_KMOD_OWN_CONSOLE_H

struct tty_driver;

/* Any context. How many characters went, or a negative errno: none ever will. */
int pvk_console_put(const char *text, unsigned int count);
/* How many would go, or a negative errno. */
int pvk_console_space(void);

/* Between these the kernel may write its messages. */
void pvk_console_messages_start(void);
void pvk_console_messages_stop(void);

/* Before the first upcall, and after the last. */
void pvk_console_tty_init(void);
void pvk_console_tty_exit(void);
/* From here on it can be opened and written. */
int pvk_console_tty_start(void);
/* Nobody has it open: a module that can be opened is one that is not taken away. */
void pvk_console_tty_stop(void);
struct tty_driver *pvk_console_tty_driver(void);
/* From the upcall: what was typed, and then once that all of it is there. */
void pvk_console_tty_typed(const char *text, unsigned int count);
void pvk_console_tty_flush(void);
/* There is room again. */
void pvk_console_tty_wake(void);

#endif
