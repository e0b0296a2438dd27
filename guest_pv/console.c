// SPDX-License-Identifier: GPL-2.0
/*
 * The console: bytes to and from the launcher, by hypercall.
 *
 * Two users: Linux's hypervisor console driver (/dev/hvc0), and before that
 * exists a boot console, so that even an early death leaves its last words.
 * Both go through one buffer of the layer, whose GPA is known, because the
 * bytes to write may lie on any stack or vmalloc page. The virtual interrupt
 * flag is off while the buffer is in use, and there is one vCPU.
 */
#include <linux/console.h>
#include <linux/err.h>
#include <linux/string.h>

#include "hvc.h"
#include "layer.h"

#define TERMINAL	0x726c	/* an arbitrary number that names the console */
#define BUFFER_BYTES	1024

static char buffer[BUFFER_BYTES] __aligned(BUFFER_BYTES);

/* Bytes written, 0 when the launcher takes none now. */
static int console_put(const char *from, int bytes)
{
	u8 was = rl_irq_save();
	long result;

	if (bytes > BUFFER_BYTES)
		bytes = BUFFER_BYTES;
	memcpy(buffer, from, bytes);
	result = rl_hypercall(RL_HC_CONSOLE_WRITE, rl_gpa(buffer), bytes, 0);
	rl_irq_restore(was);
	return result < 0 ? 0 : result;
}

static int hvc_put(uint32_t terminal, const char *from, int bytes)
{
	return console_put(from, bytes);
}

static int hvc_get(uint32_t terminal, char *to, int room)
{
	u8 was = rl_irq_save();
	long result;

	if (room > BUFFER_BYTES)
		room = BUFFER_BYTES;
	result = rl_hypercall(RL_HC_CONSOLE_READ, rl_gpa(buffer), room, 0);
	if (result > room)
		result = room;
	if (result > 0)
		memcpy(to, buffer, result);
	rl_irq_restore(was);
	return result < 0 ? 0 : result;
}

static const struct hv_ops console_ops = {
	.get_chars = hvc_get,
	.put_chars = hvc_put,
	.notifier_add = notifier_add_irq,
	.notifier_del = notifier_del_irq,
	.notifier_hangup = notifier_hangup_irq,
};

/* The launcher's terminal may be raw: a line needs its carriage return. */
static void boot_write(struct console *console, const char *from,
		       unsigned int bytes)
{
	const char *end = from + bytes, *line;

	while (from < end) {
		line = memchr(from, '\n', end - from);
		if (!line)
			line = end;
		if (line > from)
			console_put(from, line - from);
		from = line;
		if (from < end) {
			console_put("\r\n", 2);
			from++;
		}
	}
}

static struct console boot_console = {
	.name = "ringlet",
	.write = boot_write,
	.flags = CON_BOOT | CON_PRINTBUFFER,
	.index = -1,
};

/*
 * At setup_arch(), before the command line is parsed: what it says about
 * consoles comes later and so wins.
 */
void rl_console_early(void)
{
	register_console(&boot_console);
	add_preferred_console("hvc", 0, NULL);
	hvc_instantiate(TERMINAL, 0, &console_ops);
}

/* When drivers start: from now on /dev/hvc0 has an interrupt. */
int rl_console_init(void)
{
	struct hvc_struct *hvc = hvc_alloc(TERMINAL,
					   RL_LINUX_IRQ(RL_IRQ_CONSOLE),
					   &console_ops, 256);

	return PTR_ERR_OR_ZERO(hvc);
}
