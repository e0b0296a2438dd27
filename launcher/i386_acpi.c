// SPDX-License-Identifier: GPL-2.0
/*
 * ACPI tables. See i386_acpi.h.
 *
 * Source: ACPI specification 6.4: 5.2.5 (RSDP), 5.2.7 (RSDT), 5.2.9 (FADT), 5.2.10
 * (FACS), 6.4 (resources), 20.2 (AML).
 */
#include "i386_acpi.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "../abi/guest.h"
#include "../abi/i386.h"

/*J: launcher.i386-acpi
 * A 64-bit guest's layer tells Linux of its devices from inside, by calls of its
 * functions. Nobody can do so in an i386 kernel, whose types are unknown. But Linux looks
 * for what a firmware says about the machine, and one of the things that ACPI tables can
 * say is "there is a virtio device with registers here and an interrupt there": its
 * driver knows the name LNRO0005. So four small tables, with a program for Linux's own
 * interpreter in one of them, do what the layer does elsewhere. They also say where the
 * power button is, and how to switch off.
 :*/

/* Where each table is; the FACS must lie at a multiple of 64. */
#define RSDP_GPA	RL_I386_ACPI_GPA
#define FACS_GPA	(RL_I386_ACPI_GPA + 0x40)
#define RSDT_GPA	(RL_I386_ACPI_GPA + 0x80)
#define FADT_GPA	(RL_I386_ACPI_GPA + 0x100)
#define DSDT_GPA	(RL_I386_ACPI_GPA + 0x200)
_Static_assert(DSDT_GPA + 0x1000 <= RL_I386_LOW_RAM, "room");

#define DEVICE_BYTES	0x200	/* of registers */
#define FADT_REVISION	3
#define FADT_BYTES	244
#define LEGACY_DEVICES	0x01	/* of its boot architecture: ports of a PC, */
#define NO_VGA		0x04
#define NO_MSI		0x08
#define WBINVD		0x01	/* of its flags: the instruction is there; */
#define NO_SLEEP_BUTTON	0x20	/* the power button is PM1's */
#define RTC_NOT_FIXED	0x40
#define NEVER		0xffff	/* latency of C2 and C3 */

struct header {
	char signature[4];
	uint32_t length;
	uint8_t revision, checksum;
	char oem[6], oem_table[8];
	uint32_t oem_revision;
	char creator[4];
	uint32_t creator_revision;
} __attribute__((packed));

/* Up to X_FIRMWARE_CTRL; the rest of its bytes is 0, which is "see above". */
struct fadt {
	struct header header;
	uint32_t facs, dsdt;
	uint8_t model, profile;
	uint16_t sci;
	uint32_t smi_command;
	uint8_t enable, disable, s4bios, pstate;
	uint32_t pm1a_event, pm1b_event, pm1a_control, pm1b_control, pm2_control;
	uint32_t pm_timer, gpe0, gpe1;
	uint8_t pm1_event_bytes, pm1_control_bytes, pm2_bytes, timer_bytes;
	uint8_t gpe0_bytes, gpe1_bytes, gpe1_base, cst;
	uint16_t c2_latency, c3_latency, flush_size, flush_stride;
	uint8_t duty_offset, duty_width, day, month, century;
	uint16_t boot;
	uint8_t reserved;
	uint32_t flags;
	uint8_t rest[FADT_BYTES - 116];
} __attribute__((packed));

_Static_assert(sizeof(struct header) == 36 && sizeof(struct fadt) == FADT_BYTES &&
	       offsetof(struct fadt, flags) == 112, "ACPI");

static uint8_t checksum(const uint8_t *bytes, size_t size)
{
	uint8_t sum = 0;

	while (size--)
		sum += *bytes++;
	return -sum;
}

/* A table with its header: `size` bytes, of which all but the header are there. */
static void finish(uint8_t *table, const char *signature, uint8_t revision, size_t size)
{
	struct header h = {
		.length = size, .revision = revision, .oem_revision = 1,
		.creator_revision = 1,
	};

	memcpy(h.signature, signature, sizeof(h.signature));
	memcpy(h.oem, "RINGLT", sizeof(h.oem));
	memcpy(h.oem_table, "RINGLET ", sizeof(h.oem_table));
	memcpy(h.creator, "RNGL", sizeof(h.creator));
	memcpy(table, &h, sizeof(h));
	table[offsetof(struct header, checksum)] = checksum(table, size);
}

static void write_rsdp(uint8_t *memory)
{
	uint8_t *rsdp = memory + RSDP_GPA;
	uint32_t rsdt = RSDT_GPA;

	memcpy(rsdp, "RSD PTR ", 8);
	memcpy(rsdp + 9, "RINGLT", 6);
	memcpy(rsdp + 16, &rsdt, sizeof(rsdt));
	rsdp[8] = checksum(rsdp, 20);
}

static void write_rsdt(uint8_t *memory)
{
	uint32_t fadt = FADT_GPA;

	memcpy(memory + RSDT_GPA + sizeof(struct header), &fadt, sizeof(fadt));
	finish(memory + RSDT_GPA, "RSDT", 1, sizeof(struct header) + sizeof(fadt));
}

static void write_facs(uint8_t *memory)
{
	uint32_t length = 64;

	memcpy(memory + FACS_GPA, "FACS", 4);
	memcpy(memory + FACS_GPA + 4, &length, sizeof(length));
}

static void write_fadt(uint8_t *memory)
{
	struct fadt fadt = {
		.facs = FACS_GPA, .dsdt = DSDT_GPA, .sci = RL_I386_PIN_SCI,
		.pm1a_event = RL_I386_PM1_EVENT, .pm1_event_bytes = 4,
		.pm1a_control = RL_I386_PM1_CONTROL, .pm1_control_bytes = 2,
		.c2_latency = NEVER, .c3_latency = NEVER,
		.boot = LEGACY_DEVICES | NO_VGA | NO_MSI,
		.flags = WBINVD | NO_SLEEP_BUTTON | RTC_NOT_FIXED,
	};

	memcpy(memory + FADT_GPA, &fadt, sizeof(fadt));
	finish(memory + FADT_GPA, "FACP", FADT_REVISION, sizeof(fadt));
}

/* --- AML --------------------------------------------------------------------------- */

#define AML_BYTE	0x0a
#define AML_STRING	0x0d
#define AML_NAME	0x08
#define AML_SCOPE	0x10
#define AML_BUFFER	0x11
#define AML_PACKAGE	0x12
#define AML_EXTENDED	0x5b
#define AML_DEVICE	0x82

/* The bytes behind a length are fewer than 4096, which 2 bytes of length can say. */
static size_t put_length(uint8_t *at, size_t behind)
{
	size_t length = behind + 2;

	at[0] = 0x40 | (length & 0xf);
	at[1] = length >> 4;
	return 2;
}

/* Memory32Fixed, read and write; Interrupt: an edge, active high, exclusive; the end. */
static size_t put_resources(uint8_t *at, uint32_t registers, uint32_t pin)
{
	uint8_t list[] = {
		0x86, 9, 0, 1, 0, 0, 0, 0, DEVICE_BYTES & 0xff, DEVICE_BYTES >> 8, 0, 0,
		0x89, 6, 0, 0x03, 1, 0, 0, 0, 0,
		0x79, 0,
	};

	memcpy(list + 4, &registers, sizeof(registers));
	memcpy(list + 17, &pin, sizeof(pin));
	memcpy(at, list, sizeof(list));
	return sizeof(list);
}

static size_t put_name(uint8_t *at, const char *name)
{
	at[0] = AML_NAME;
	memcpy(at + 1, name, 4);
	return 5;
}

/* Device (VIOn) { _HID, _UID, _CRS } */
static size_t put_device(uint8_t *at, unsigned int n)
{
	static const uint8_t pins[] = RL_I386_PINS;
	uint8_t body[128], resources[64];
	size_t size, used = 0;

	memcpy(body, "VIO", 3);
	body[3] = "0123456789ABCDEF"[n];
	used = 4;
	used += put_name(body + used, "_HID");
	body[used++] = AML_STRING;
	memcpy(body + used, "LNRO0005", 9);
	used += 9;
	used += put_name(body + used, "_UID");
	body[used++] = AML_BYTE;
	body[used++] = n;
	used += put_name(body + used, "_CRS");
	size = put_resources(resources, RL_MMIO_BASE + n * RL_MMIO_STRIDE, pins[n]);
	body[used++] = AML_BUFFER;
	used += put_length(body + used, size + 2);
	body[used++] = AML_BYTE;
	body[used++] = size;
	memcpy(body + used, resources, size);
	used += size;
	at[0] = AML_EXTENDED;
	at[1] = AML_DEVICE;
	size = 2 + put_length(at + 2, used);
	memcpy(at + size, body, used);
	return size + used;
}

/* Scope (\_SB) { the devices }; Name (\_S5, Package () { 5, 5, 0, 0 }) */
static void write_dsdt(uint8_t *memory, unsigned int devices)
{
	static const uint8_t pins[] = RL_I386_PINS, off[] = {
		AML_NAME, '\\', '_', 'S', '5', '_', AML_PACKAGE, 8, 4,
		AML_BYTE, RL_I386_PM1_OFF, AML_BYTE, RL_I386_PM1_OFF, 0, 0,
	};
	uint8_t *table = memory + DSDT_GPA, body[2048];
	size_t at = sizeof(struct header), used = 5;

	memcpy(body, "\\_SB_", 5);
	for (unsigned int n = 0; n < devices && n < sizeof(pins); n++)
		used += put_device(body + used, n);
	table[at++] = AML_SCOPE;
	at += put_length(table + at, used);
	memcpy(table + at, body, used);
	at += used;
	memcpy(table + at, off, sizeof(off));
	finish(table, "DSDT", 2, at + sizeof(off));
}

uint64_t i386_acpi_write(uint8_t *memory, unsigned int devices)
{
	write_rsdt(memory);
	write_facs(memory);
	write_fadt(memory);
	write_dsdt(memory, devices);
	write_rsdp(memory);
	return RSDP_GPA;
}
