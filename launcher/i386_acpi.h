/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The ACPI tables of a 32-bit guest: how its kernel finds its virtio devices and its
 * switch.
 */
#ifndef LAUNCHER_I386_ACPI_H
#define LAUNCHER_I386_ACPI_H

#include <stdint.h>

/*
 * Writes the tables into guest memory (from GPA 0 on), which must be zeros there, for so
 * many devices, of which there is a pin for RL_I386_PINS. The GPA of the first one.
 */
uint64_t i386_acpi_write(uint8_t *memory, unsigned int devices);

#endif
