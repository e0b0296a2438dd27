// SPDX-License-Identifier: GPL-2.0
/*
 * The console: bytes to and from the launcher, by hypercall.
 *
 * Two users: Linux's hypervisor console driver (/dev/hvc0), and before that
 * exists a boot console, so that even an early death leaves its last words.
 * Both go through buffers of the layer, whose GPA is known, because the bytes
 * to write may lie on any stack or vmalloc page. The virtual interrupt flag is
 * off while a buffer is in use, and there is one vCPU.
 */
#include <linux/console.h>
#include <linux/err.h>
#include <linux/init.h>
#include <linux/minmax.h>
#include <linux/printk.h>
#include <linux/string.h>

#include <asm/cmdline.h>

#include "hvc.h"
#include "layer.h"

#define TERMINAL	0x726c	/* an arbitrary number that names the console */
#define BUFFER_BYTES	1024
#define HVC_PIECE	16	/* of the driver's printing */

static char input[BUFFER_BYTES] __aligned(BUFFER_BYTES);
static char output[BUFFER_BYTES] __aligned(BUFFER_BYTES);
static int next, unread;	/* where in input, and how many bytes */
static int held;		/* bytes of output that the launcher lacks */
static struct hvc_struct *terminal;
static u32 size_told;		/* to it, as CONSOLE_READ gave it */

/* All that is held goes out. vif is off. What the launcher refuses stays. */
static void flush_locked(void)
{
	long done = rl_hypercall(RL_HC_CONSOLE_WRITE, rl_gpa(output), held, 0);

	if (done <= 0)
		return;
	if (done > held)
		done = held;
	held -= done;
	memmove(output, output + done, held);
}

/* For whoever is about to wait, or to end: nothing stays unsaid. */
void rl_console_flush(void)
{
	u8 was;

	if (likely(!READ_ONCE(held)))
		return;
	was = rl_irq_save();
	flush_locked();
	rl_irq_restore(was);
}

/*J: guest.console
 * Each write to the console costs two world switches and a system call of the
 * launcher, whether it carries one byte or a thousand. Linux's driver hands
 * a kernel message over in pieces of 16 bytes, so a piece of just that length
 * that does not end a line is held back: more will follow at once. Where it
 * does not, the next timer interrupt, the next idle moment or the guest's end
 * sends it. Holding back is a risk with last words, so all ways out of the
 * guest kernel flush first.
 :*/

/* Bytes taken, 0 when there is no room now. more: soon others will follow. */
static int console_put(const char *from, int bytes, bool more)
{
	u8 was = rl_irq_save();

	if (bytes > BUFFER_BYTES - held)
		flush_locked();
	if (bytes > BUFFER_BYTES - held)
		bytes = BUFFER_BYTES - held;
	memcpy(output + held, from, bytes);
	held += bytes;
	if (!more)
		flush_locked();
	rl_irq_restore(was);
	return bytes;
}

static int hvc_put(uint32_t terminal, const char *from, int bytes)
{
	bool more = bytes == HVC_PIECE && from[bytes - 1] != '\n';

	return console_put(from, bytes, more);
}

/*
 * The size of the launcher's terminal comes with what was typed there. Linux
 * calls us with its lock held, as it wants for this.
 */
static void note_size(long result)
{
	struct winsize size = {
		.ws_col = RL_CONSOLE_COLUMNS(result),
		.ws_row = RL_CONSOLE_ROWS(result),
	};

	if (result < 0 || result >> 32 == size_told || !terminal)
		return;
	size_told = result >> 32;
	__hvc_resize(terminal, size);
}

/*
 * The driver wants 16 bytes at a time and comes again until there are none;
 * what it does not want yet stays in `input`.
 */
static int hvc_get(uint32_t terminal, char *to, int room)
{
	u8 was = rl_irq_save();
	long got;

	if (!unread) {
		got = rl_hypercall(RL_HC_CONSOLE_READ, rl_gpa(input),
				   BUFFER_BYTES, 0);
		note_size(got);
		next = 0;
		unread = got < 0 ? 0 : min_t(long, RL_CONSOLE_BYTES(got),
					     BUFFER_BYTES);
	}
	if (room > unread)
		room = unread;
	memcpy(to, input + next, room);
	next += room;
	unread -= room;
	rl_irq_restore(was);
	return room;
}

/* It was closed, and so has forgotten its size. */
static int hvc_opened(struct hvc_struct *hvc, int irq)
{
	size_told = 0;
	return notifier_add_irq(hvc, irq);
}

static const struct hv_ops console_ops = {
	.get_chars = hvc_get,
	.put_chars = hvc_put,
	.notifier_add = hvc_opened,
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
			console_put(from, line - from, true);
		from = line;
		if (from < end) {
			console_put("\r\n", 2, false);
			from++;
		}
	}
	rl_console_flush();
}

static struct console boot_console = {
	.name = "ringlet",
	.write = boot_write,
	.flags = CON_BOOT | CON_PRINTBUFFER,
	.index = -1,
};

/*
 * At setup_arch(), before the command line is parsed: what it says about
 * consoles comes later and so wins. But `quiet` must be known by now, or a
 * screenful is said before Linux reads it.
 */
void rl_console_early(void)
{
	if (cmdline_find_option_bool(boot_command_line, "quiet"))
		console_loglevel = CONSOLE_LOGLEVEL_QUIET;
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

	if (!IS_ERR(hvc))
		terminal = hvc;
	return PTR_ERR_OR_ZERO(hvc);
}
