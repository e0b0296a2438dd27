// SPDX-License-Identifier: GPL-2.0
/*
 * The console: bytes to and from the launcher, by hypercall.
 *
 * Two users: Linux's hypervisor console driver (/dev/hvc0), and before that
 * exists a boot console, so that even an early death leaves its last words.
 * Both go through buffers of the layer, whose GPA is known, because the bytes
 * to write may lie on any stack or vmalloc page. While a buffer is in use the virtual
 * interrupt flag is off and its lock is held.
 */
#include "layer.h"

#define TERMINAL	0x726c	/* an arbitrary number that names the console */
#define BUFFER_BYTES	1024
#define HVC_PIECE	16	/* of the driver's printing */
#define PAUSES		(1u << 26)	/* seconds */

static char input[BUFFER_BYTES] __aligned(BUFFER_BYTES);
static char output[BUFFER_BYTES] __aligned(BUFFER_BYTES);
static int next, unread;	/* where in input, and how many bytes */
static int held;		/* bytes of output that the launcher lacks */
static struct rl_lock input_lock, output_lock;
static void *terminal;		/* its hvc_struct */
static u32 size_told;		/* to it, as CONSOLE_READ gave it */

/*
 * Who dies while its own output is under way (a fault in here) must be heard still. In
 * pauses, not in time: a guest that its host has stopped does not count.
 */
static void lock_output(void)
{
	unsigned int pauses;

	for (pauses = 0; !rl_try_lock(&output_lock) && pauses < PAUSES; pauses++)
		asm volatile("pause");
}

/* All that is held goes out. The lock is held. What the launcher refuses stays. */
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
	lock_output();
	flush_locked();
	rl_unlock(&output_lock);
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

	lock_output();
	if (bytes > BUFFER_BYTES - held)
		flush_locked();
	if (bytes > BUFFER_BYTES - held)
		bytes = BUFFER_BYTES - held;
	memcpy(output + held, from, bytes);
	held += bytes;
	if (!more)
		flush_locked();
	rl_unlock(&output_lock);
	rl_irq_restore(was);
	return bytes;
}

/*
 * Sizes became size_t, results ssize_t in Linux 6.9. An int of a size and a long for the
 * result are right for both, as both are small and in registers.
 */
static long hvc_put(u32 number, const char *from, int bytes)
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
static long hvc_get(u32 number, char *to, int room)
{
	u8 was = rl_irq_save();
	long got;

	rl_lock(&input_lock);
	if (!unread) {
		got = rl_hypercall(RL_HC_CONSOLE_READ, rl_gpa(input),
				   BUFFER_BYTES, 0);
		note_size(got);
		next = 0;
		unread = got < 0 ? 0 : min(RL_CONSOLE_BYTES(got),
					   (long)BUFFER_BYTES);
	}
	if (room > unread)
		room = unread;
	memcpy(to, input + next, room);
	next += room;
	unread -= room;
	rl_unlock(&input_lock);
	rl_irq_restore(was);
	return room;
}

/* It was closed, and so has forgotten its size. */
static int hvc_opened(void *hvc, int irq)
{
	size_told = 0;
	return notifier_add_irq(hvc, irq);
}

/* The driver's table, the same each time. */
static void *console_ops(void)
{
	void *ops = object(hv_ops, console);

	field(pointer, ops, hv_ops, get_chars) = hvc_get;
	field(pointer, ops, hv_ops, put_chars) = hvc_put;
	field(pointer, ops, hv_ops, notifier_add) = hvc_opened;
	field(pointer, ops, hv_ops, notifier_del) = notifier_del_irq;
	field(pointer, ops, hv_ops, notifier_hangup) = notifier_hangup_irq;
	return ops;
}

/* The launcher's terminal may be raw: a line needs its carriage return. */
static void boot_write(void *console, const char *from,
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

/* Xen's is one of the same kind, and says what flags this kernel has for it. */
static void register_boot_console(void)
{
	void *console = object(console$write, boot);

	memcpy(part(console, console, name), "ringlet", sizeof("ringlet"));
	field(pointer, console, console, write) = boot_write;
	field(u16, console, console, flags) =
		field(u16, xenboot_console, console, flags);
	field(u16, console, console, index) = -1;
	register_console(console);
}

/*
 * At setup_arch(), before the command line is parsed: what it says about
 * consoles comes later and so wins. But `quiet` must be known by now, or a
 * screenful is said before Linux reads it.
 */
void rl_console_early(void)
{
	if (cmdline_find_option_bool(boot_command_line, "quiet"))
		quiet_kernel(NULL);
	register_boot_console();
	add_preferred_console("hvc", 0, NULL);
	hvc_instantiate(TERMINAL, 0, console_ops());
}

/* When drivers start: from now on /dev/hvc0 has an interrupt. */
int rl_console_init(void)
{
	void *hvc = hvc_alloc(TERMINAL, RL_LINUX_IRQ(RL_IRQ_CONSOLE),
			      console_ops(), 256);

	if (!is_error(hvc))
		terminal = hvc;
	return error_of(hvc);
}
