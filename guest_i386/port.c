// SPDX-License-Identifier: GPL-2.0
/*
 * The I/O ports of a small PC: two interrupt controllers, a timer, a clock, a serial line.
 *
 * An i386 image describes no types, so nothing of the kernel's can be filled in by a
 * layer. But it has drivers for what each PC had in 1990, which ask for nothing but
 * ports, and these are described for good. What is not there reads as ones.
 */
#include "shim.h"

#define KEYBOARD_COMMAND	0x64
#define KEYBOARD_RESET		0xfe

static u8 clock_register;

static u8 read_byte(u16 port)
{
	switch (port) {
	case 0x20: case 0x21: case 0xa0: case 0xa1: case 0x4d0: case 0x4d1:
		return pic_read(port);
	case 0x40 ... 0x43: case 0x61:
		return pit_read(port);
	case 0x71:
		return clock_read(clock_register);
	case 0x3f8 ... 0x3ff:
		return serial_read(port - 0x3f8);
	}
	return 0xff;
}

static void write_byte(u16 port, u8 value)
{
	switch (port) {
	case 0x20: case 0x21: case 0xa0: case 0xa1: case 0x4d0: case 0x4d1:
		pic_write(port, value);
		break;
	case 0x40 ... 0x43: case 0x61:
		pit_write(port, value);
		break;
	case 0x70:
		clock_register = value & 0x7f;
		break;
	case 0x3f8 ... 0x3ff:
		serial_write(port - 0x3f8, value);
		break;
	case KEYBOARD_COMMAND:
		/* How Linux reboots a PC. */
		if (value == KEYBOARD_RESET)
			power_reset();
		break;
	}
}

static bool is_power(u16 port)
{
	return port == RL_I386_PM1_EVENT || port == RL_I386_PM1_EVENT + 2 ||
	       port == RL_I386_PM1_CONTROL;
}

/* PM1 is 16 bits wide, all else 8. */
u32 port_read(u16 port, unsigned int bytes)
{
	if (bytes == 2 && is_power(port))
		return power_read(port);
	return bytes == 1 ? read_byte(port) : ~0u;
}

void port_write(u16 port, unsigned int bytes, u32 value)
{
	if (bytes == 2 && is_power(port))
		power_write(port, value);
	else if (bytes == 1)
		write_byte(port, value);
}
