// SPDX-License-Identifier: GPL-2.0
/*
 * A 16550A at the first serial port (ttyS0): the guest's console.
 *
 * What is sent has left at once, so its registers say "empty" at all times.
 * Source: National Semiconductor PC16550D data sheet.
 */
#include "shim.h"

#define IRQ		4

#define LCR_DLAB	0x80
#define MCR_LOOP	0x10
#define FCR_ENABLE	0x01
#define IER_RECEIVED	0x01
#define IER_SENT	0x02
#define IER_BITS	0x0f
#define IIR_NONE	0x01
#define IIR_SENT	0x02
#define IIR_RECEIVED	0x04
#define IIR_FIFO	0xc0
#define LSR_RECEIVED	0x01
#define LSR_EMPTY	0x60
#define MSR_THERE	0xb0	/* DCD, DSR, CTS */

static u8 divisor[2], ier, fcr, lcr, mcr, scratch;
static bool sent;		/* an interrupt for that is due */
static u8 input[256];
static unsigned int next, unread;

static bool received(void)
{
	if (!unread) {
		unread = console_get(input, sizeof(input));
		next = 0;
	}
	return unread;
}

static void update(void)
{
	pic_level(IRQ, (ier & IER_RECEIVED && unread) || (ier & IER_SENT && sent));
}

/* The host says that there is something to read. */
void serial_input(void)
{
	received();
	update();
}

static u8 take(void)
{
	u8 value = 0;

	if (unread) {
		value = input[next++];
		unread--;
	}
	received();
	return value;
}

static u8 identify(void)
{
	u8 fifo = fcr & FCR_ENABLE ? IIR_FIFO : 0;

	if (ier & IER_RECEIVED && unread)
		return fifo | IIR_RECEIVED;
	if (ier & IER_SENT && sent) {
		sent = false;
		return fifo | IIR_SENT;
	}
	return fifo | IIR_NONE;
}

/* In a loop the outputs are the inputs. */
static u8 modem(void)
{
	if (!(mcr & MCR_LOOP))
		return MSR_THERE;
	return (mcr & 0x0c) << 4 | (mcr & 0x02) << 3 | (mcr & 0x01) << 5;
}

static u8 read_register(u16 reg)
{
	switch (reg) {
	case 0: return lcr & LCR_DLAB ? divisor[0] : take();
	case 1: return lcr & LCR_DLAB ? divisor[1] : ier;
	case 2: return identify();
	case 3: return lcr;
	case 4: return mcr;
	case 5: return LSR_EMPTY | (unread ? LSR_RECEIVED : 0);
	case 6: return modem();
	default: return scratch;
	}
}

static void write_register(u16 reg, u8 value)
{
	switch (reg) {
	case 0:
		if (lcr & LCR_DLAB) {
			divisor[0] = value;
		} else {
			if (!(mcr & MCR_LOOP))
				console_put(value);
			sent = true;
		}
		break;
	case 1:
		if (lcr & LCR_DLAB) {
			divisor[1] = value;
		} else {
			sent = sent || (value & ~ier & IER_SENT);
			ier = value & IER_BITS;
		}
		break;
	case 2: fcr = value; break;
	case 3: lcr = value; break;
	case 4: mcr = value & 0x1f; break;
	case 7: scratch = value; break;
	}
}

u8 serial_read(u16 reg)
{
	u8 value = read_register(reg);

	update();
	return value;
}

void serial_write(u16 reg, u8 value)
{
	write_register(reg, value);
	update();
}
