// SPDX-License-Identifier: GPL-2.0
/*
 * Two 8259A interrupt controllers, the second one behind pin 2 of the first.
 *
 * Source: Intel 8259A data sheet: initialisation (ICW1 to ICW4), OCW1 to OCW3.
 */
#include "shim.h"

#define CASCADE		2
#define ICW1		0x10
#define ICW1_NEEDS_4	0x01
#define ICW4_AUTO_EOI	0x02
#define OCW3		0x08
#define EOI		0x20
#define SPECIFIC	0x40

static struct chip {
	u8 base;		/* vector of pin 0 */
	u8 requests, in_service, mask;
	u8 levels;		/* pins whose line is on, as long as it is */
	u8 trigger;		/* ELCR: kept, as Linux reads it back */
	u8 step;		/* of the initialisation: the next ICW; 0: done */
	bool wants_4, auto_eoi, read_service;
} chips[2] = { { .mask = 0xff }, { .mask = 0xff } };

/* The pin that is next, or -1: none that is more urgent than what is in service. */
static int next_pin(const struct chip *c)
{
	u8 waits = (c->requests | c->levels) & ~c->mask;

	for (int pin = 0; pin < 8; pin++) {
		if (c->in_service >> pin & 1)
			return -1;
		if (waits >> pin & 1)
			return pin;
	}
	return -1;
}

static void update_cascade(void)
{
	if (next_pin(&chips[1]) >= 0)
		chips[0].levels |= 1 << CASCADE;
	else
		chips[0].levels &= ~(1 << CASCADE);
}

/* Would the processor get one? */
bool pic_waits(void)
{
	update_cascade();
	return next_pin(&chips[0]) >= 0;
}

static void accept(struct chip *c, int pin)
{
	c->requests &= ~(1 << pin);
	if (!c->auto_eoi)
		c->in_service |= 1 << pin;
}

/* The vector that the processor gets now, or -1. */
int pic_take(void)
{
	struct chip *c = &chips[0];
	int pin;

	update_cascade();
	pin = next_pin(c);
	if (pin < 0)
		return -1;
	accept(c, pin);
	if (pin == CASCADE) {
		c = &chips[1];
		pin = next_pin(c);
		accept(c, pin);
	}
	return c->base + pin;
}

/* An edge. */
void pic_raise(unsigned int irq)
{
	chips[irq / 8].requests |= 1 << irq % 8;
}

void pic_level(unsigned int irq, bool on)
{
	struct chip *c = &chips[irq / 8];

	if (on)
		c->levels |= 1 << irq % 8;
	else
		c->levels &= ~(1 << irq % 8);
}

static void end_of_interrupt(struct chip *c, u8 value)
{
	if (value & SPECIFIC)
		c->in_service &= ~(1 << (value & 7));
	else
		c->in_service &= c->in_service - 1;	/* the most urgent one */
}

static void command(struct chip *c, u8 value)
{
	if (value & ICW1) {
		c->requests = c->in_service = c->mask = 0;
		c->auto_eoi = c->read_service = false;
		c->wants_4 = value & ICW1_NEEDS_4;
		c->step = 2;
	} else if (value & OCW3) {
		if (value & 2)
			c->read_service = value & 1;
	} else if (value & EOI) {
		end_of_interrupt(c, value);
	}
}

static void data(struct chip *c, u8 value)
{
	switch (c->step) {
	case 2:
		c->base = value & 0xf8;
		c->step = 3;
		break;
	case 3:
		c->step = c->wants_4 ? 4 : 0;
		break;
	case 4:
		c->auto_eoi = value & ICW4_AUTO_EOI;
		c->step = 0;
		break;
	default:
		c->mask = value;
	}
}

u8 pic_read(u16 port)
{
	const struct chip *c = &chips[(port & 0x80) || port == 0x4d1];

	if (port >= 0x4d0)
		return c->trigger;
	if (port & 1)
		return c->mask;
	return c->read_service ? c->in_service : c->requests | c->levels;
}

void pic_write(u16 port, u8 value)
{
	struct chip *c = &chips[(port & 0x80) || port == 0x4d1];

	if (port >= 0x4d0)
		c->trigger = value;
	else if (port & 1)
		data(c, value);
	else
		command(c, value);
}
