// SPDX-License-Identifier: GPL-2.0
/*
 * The registers of ACPI's PM1 block: the power button, and the switch; and the reset.
 *
 * Source: ACPI specification 6.4, 4.8.3.
 */
#include "shim.h"

#define BUTTON		0x0100u	/* of status and enable */
#define SCI_ENABLED	0x0001u	/* of control: there is no other mode */
#define SLEEP_TYPE(v)	((v) >> 10 & 7)
#define SLEEP		0x2000u

static u16 status, enable;
static bool panicked;

/* The kernel has begun to panic: the reset that follows is none that somebody asked for. */
void power_panics(void)
{
	panicked = true;
}

/* The pin that resets the processor. */
void power_reset(void)
{
	console_flush();
	hypercall(RL_HC_SHUTDOWN, panicked ? RL_SHUTDOWN_PANIC : RL_SHUTDOWN_REBOOT, 0, 0);
}

static void update(void)
{
	pic_level(RL_I386_PIN_SCI, status & enable);
}

/* The host's line. */
void power_button(void)
{
	status |= BUTTON;
	update();
}

/* port: of an aligned register of 16 bits. */
u16 power_read(u16 port)
{
	switch (port) {
	case RL_I386_PM1_EVENT:
		return status;
	case RL_I386_PM1_EVENT + 2:
		return enable;
	}
	return SCI_ENABLED;
}

void power_write(u16 port, u16 value)
{
	switch (port) {
	case RL_I386_PM1_EVENT:
		status &= ~value;
		break;
	case RL_I386_PM1_EVENT + 2:
		enable = value;	/* Linux looks whether what it wrote is there */
		break;
	case RL_I386_PM1_CONTROL:
		if (!(value & SLEEP) || SLEEP_TYPE(value) != RL_I386_PM1_OFF)
			break;
		console_flush();
		hypercall(RL_HC_SHUTDOWN, RL_SHUTDOWN_POWEROFF, 0, 0);
	}
	update();
}
