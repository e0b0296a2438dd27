// SPDX-License-Identifier: GPL-2.0
/*
 * The commands of gdb's remote protocol ("Debugging with GDB", E.2 to E.5), but for its
 * questions, which are in gdb_query.c. See gdb_session.h.
 */
#include "gdb_commands.h"

int gdb_thread_of(const struct gdb_session *s, const char **at)
{
	uint64_t number;

	if (begins(*at, "-1")) {
		*at += 2;
		return -1;
	}
	if (!gdb_number(at, &number) || number > s->target->count)
		return -2;
	return number ? (int)number - 1 : (int)s->selected;
}

void gdb_say_stop(struct gdb_session *s)
{
	static const char *const access[] = { [2] = "watch", [3] = "rwatch",
					      [4] = "awatch" };
	const struct gdb_stop *stop = &s->target->stop;
	const struct gdb_watch *w = &s->target->watches[stop->watch];

	s->selected = stop->vcpu;
	s->reply.size = 0;
	gdb_say(&s->reply, "T%02x", stop->kind == GDB_STOP_ASKED ? 2 : 5);
	switch (stop->kind) {
	case GDB_STOP_SOFTWARE:
		gdb_say(&s->reply, "swbreak:;");
		break;
	case GDB_STOP_HARDWARE:
		gdb_say(&s->reply, "hwbreak:;");
		break;
	case GDB_STOP_WATCH:
		/* Where gdb has removed it already, it is the address that counts. */
		gdb_say(&s->reply, "%s:%llx;",
			w->type > 1 ? access[(int)w->type] : "watch",
			(unsigned long long)w->gva);
		break;
	default:
		break;
	}
	gdb_say(&s->reply, "thread:%x;", THREAD(stop->vcpu));
}

/* --- registers and memory ---------------------------------------------------------- */

static bool get_regs(struct gdb_session *s, struct rl_regs *regs)
{
	return !vm_get_regs(s->target->fds[s->selected], regs);
}

static bool set_regs(struct gdb_session *s, const struct rl_regs *regs)
{
	return !vm_set_regs(s->target->fds[s->selected], regs);
}

static void say_register(struct gdb_session *s, struct rl_regs *regs,
			 unsigned int number)
{
	size_t size;
	void *value = gdb_register(regs, number, &size);

	if (value)
		gdb_say_hex(&s->reply, value, size);
	for (size_t i = 0; !value && i < size; i++)
		gdb_say(&s->reply, "xx");
}

static void read_registers(struct gdb_session *s)
{
	struct rl_regs regs;

	if (!get_regs(s, &regs)) {
		say_error(s);
		return;
	}
	for (unsigned int i = 0; i < GDB_REGISTERS; i++)
		say_register(s, &regs, i);
}

static void read_register(struct gdb_session *s, const char *at)
{
	struct rl_regs regs;
	uint64_t number;

	if (gdb_number(&at, &number) && number < GDB_REGISTERS &&
	    get_regs(s, &regs))
		say_register(s, &regs, number);
	else
		say_error(s);
}

/* One without a value is skipped, "x" or not. */
static bool take_register(struct rl_regs *regs, unsigned int number,
			  const char **at)
{
	size_t size;
	void *value = gdb_register(regs, number, &size);
	uint8_t bytes[16];

	if (!strncmp(*at, "xx", 2) || !value) {
		for (size_t i = 0; i < 2 * size; i++, ++*at)
			if (!**at)
				return false;
		return size;
	}
	if (!gdb_bytes(at, bytes, size))
		return false;
	memcpy(value, bytes, size);
	return true;
}

static void write_registers(struct gdb_session *s, const char *at)
{
	struct rl_regs regs;
	bool good = get_regs(s, &regs);

	for (unsigned int i = 0; i < GDB_REGISTERS && good && *at; i++)
		good = take_register(&regs, i, &at);
	if (good && set_regs(s, &regs))
		say_ok(s);
	else
		say_error(s);
}

static void write_register(struct gdb_session *s, const char *at)
{
	struct rl_regs regs;
	uint64_t number;

	if (gdb_number_until(&at, '=', &number) && number < GDB_REGISTERS &&
	    get_regs(s, &regs) && take_register(&regs, number, &at) &&
	    set_regs(s, &regs))
		say_ok(s);
	else
		say_error(s);
}

static void read_memory(struct gdb_session *s, const char *at)
{
	uint8_t data[GDB_PACKET_MAX / 2];
	uint64_t gva, size;
	size_t got;

	if (!gdb_number_until(&at, ',', &gva) || !gdb_number(&at, &size)) {
		say_error(s);
		return;
	}
	if (size > sizeof(data))
		size = sizeof(data);
	got = gdb_read(s->target, s->selected, gva, data, size);
	if (got || !size)
		gdb_say_hex(&s->reply, data, got);
	else
		say_error(s);
}

/* M: digits; X: `end` - at bytes as they are. */
static void write_memory(struct gdb_session *s, const char *at, const char *end,
			 bool binary)
{
	uint8_t data[GDB_PACKET_MAX];
	uint64_t gva, size;
	bool good = gdb_number_until(&at, ',', &gva) &&
		    gdb_number_until(&at, ':', &size) && size <= sizeof(data);

	if (good && binary) {
		good = (size_t)(end - at) == size;
		if (good)
			memcpy(data, at, size);
	} else if (good) {
		good = gdb_bytes(&at, data, size);
	}
	if (good && gdb_write(s->target, s->selected, gva, data, size) == size)
		say_ok(s);
	else
		say_error(s);
}

static void set_point(struct gdb_session *s, const char *data)
{
	const char *at = data + 1;
	uint64_t type, gva, size;

	if (!gdb_number_until(&at, ',', &type) ||
	    !gdb_number_until(&at, ',', &gva) || !gdb_number(&at, &size) ||
	    size > 4096) {
		say_error(s);
	} else if (type > 4) {
		return;		/* not supported */
	} else if (*data == 'z') {
		gdb_remove(s->target, type, gva);
		say_ok(s);
	} else if (gdb_insert(s->target, s->selected, type, gva, size)) {
		gdb_say(&s->reply, "E.%s", s->target->refusal);
	} else {
		say_ok(s);
	}
}

/* --- going on ---------------------------------------------------------------------- */

static void all_run(struct gdb_target *t, bool run)
{
	for (unsigned int i = 0; i < t->count; i++) {
		t->runs[i] = run;
		t->steps[i] = false;
	}
}

/*
 * vCont;ACTION[:THREAD]... : the first action that names a vCPU is its own. Signals that
 * gdb would hand on are none of a kernel's.
 */
static enum gdb_next vcont(struct gdb_session *s, const char *at)
{
	struct gdb_target *t = s->target;
	bool told[RL_VCPUS_MAX] = { false }, any = false;

	all_run(t, false);
	while (*at++ == ';') {
		bool step = *at == 's' || *at == 'S';
		bool signal = *at == 'S' || *at == 'C';
		uint64_t ignored;
		int vcpu = -1;

		if (!step && *at != 'c' && *at != 'C')
			break;
		at++;
		if (signal && !gdb_number(&at, &ignored))
			break;
		if (*at == ':') {
			at++;
			vcpu = gdb_thread_of(s, &at);
		}
		for (unsigned int i = 0; i < t->count; i++) {
			if ((vcpu != -1 && vcpu != (int)i) || told[i])
				continue;
			told[i] = any = true;
			t->runs[i] = true;
			t->steps[i] = step;
		}
	}
	if (any && !at[-1])
		return GDB_RESUME;
	say_error(s);
	return GDB_ANSWER;
}

/* c and s, of the selected vCPU; an address to go on at is old, and refused. */
static enum gdb_next go_on(struct gdb_session *s, const char *data)
{
	if (data[1]) {
		say_error(s);
		return GDB_ANSWER;
	}
	all_run(s->target, *data == 'c');
	s->target->runs[s->selected] = true;
	s->target->steps[s->selected] = *data == 's';
	return GDB_RESUME;
}

static void select_thread(struct gdb_session *s, const char *data)
{
	const char *at = data + 2;
	int vcpu = data[1] ? gdb_thread_of(s, &at) : -2;

	if (vcpu == -2) {
		say_error(s);
		return;
	}
	if (vcpu >= 0)
		s->selected = vcpu;
	say_ok(s);
}

enum gdb_next gdb_command(struct gdb_session *s, const char *data, size_t size)
{
	const char *at = data + 1;

	s->reply.size = 0;
	switch (*data) {
	case '?':
		gdb_say_stop(s);
		break;
	case 'g':
		read_registers(s);
		break;
	case 'G':
		write_registers(s, at);
		break;
	case 'p':
		read_register(s, at);
		break;
	case 'P':
		write_register(s, at);
		break;
	case 'm':
		read_memory(s, at);
		break;
	case 'M':
	case 'X':
		write_memory(s, at, data + size, *data == 'X');
		break;
	case 'Z':
	case 'z':
		set_point(s, data);
		break;
	case 'q':
	case 'Q':
		gdb_query(s, data);
		break;
	case 'H':
		select_thread(s, data);
		break;
	case 'T':
		if (gdb_thread_of(s, &at) < 0)
			say_error(s);
		else
			say_ok(s);
		break;
	case 'v':
		if (!strcmp(data, "vCont?"))
			gdb_say(&s->reply, "vCont;c;C;s;S");
		else if (begins(data, "vCont;"))
			return vcont(s, data + 5);
		else if (begins(data, "vKill"))
			goto leave;
		break;
	case 'c':
	case 's':
		return go_on(s, data);
	case 'D':
	case 'k':
		goto leave;
	}
	return GDB_ANSWER;
leave:
	/* A debugger that leaves, in whatever way, leaves the guest as it was. */
	say_ok(s);
	return GDB_GOODBYE;
}
