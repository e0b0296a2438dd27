// SPDX-License-Identifier: GPL-2.0
/*
 * Printing: %s %c %d %u %x, the last three with l, and %%.
 */
#include <stdarg.h>
#include "tiny.h"

void *memset(void *to, int value, size_t bytes);
void *memcpy(void *to, const void *from, size_t bytes);

void *memset(void *to, int value, size_t bytes)
{
	void *start = to;

	asm volatile("rep stosb" : "+D"(to), "+c"(bytes) : "a"(value)
		     : "memory");
	return start;
}

void *memcpy(void *to, const void *from, size_t bytes)
{
	void *start = to;

	asm volatile("rep movsb" : "+D"(to), "+S"(from), "+c"(bytes)
		     :: "memory");
	return start;
}

static char line[512];
static unsigned int used;

static void put(char c)
{
	if (used < sizeof(line))
		line[used++] = c;
}

static void put_number(u64 value, unsigned int base, bool is_signed)
{
	char digits[24];
	int n = 0;

	if (is_signed && (s64)value < 0) {
		put('-');
		value = -value;
	}
	do {
		digits[n++] = "0123456789abcdef"[value % base];
		value /= base;
	} while (value);
	while (n)
		put(digits[--n]);
}

static void put_format(const char *f, va_list args)
{
	for (; *f; f++) {
		bool is_long = false;
		const char *s;

		if (*f != '%') {
			put(*f);
			continue;
		}
		if (*++f == 'l') {
			is_long = true;
			f++;
		}
		switch (*f) {
		case 's':
			for (s = va_arg(args, const char *); *s; s++)
				put(*s);
			break;
		case 'c':
			put(va_arg(args, int));
			break;
		case 'd':
			put_number(is_long ? va_arg(args, long) :
					     va_arg(args, int), 10, true);
			break;
		case 'u': case 'x':
			put_number(is_long ? va_arg(args, unsigned long) :
				   va_arg(args, unsigned int),
				   *f == 'u' ? 10 : 16, false);
			break;
		default:
			put(*f);
		}
	}
}

static void flush(void)
{
	if (used)
		hypercall(RL_HC_CONSOLE_WRITE, gpa_of(line), used, 0);
	used = 0;
}

void print(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	put_format(format, args);
	va_end(args);
	flush();
}

void end_with(enum tiny_outcome outcome, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	put_format(format, args);
	va_end(args);
	put('\n');
	flush();
	end(outcome);
}
