// SPDX-License-Identifier: GPL-2.0
/*
 * virtio devices: found in their places, told to Linux as platform devices.
 *
 * The stock driver (virtio_mmio) does the rest, and it is a module that nobody
 * loads by hand: see device_uevent().
 */
#include <linux/device.h>
#include <linux/err.h>
#include <linux/interrupt.h>
#include <linux/io.h>
#include <linux/ioport.h>
#include <linux/kobject.h>
#include <linux/platform_device.h>
#include <linux/pm.h>
#include <linux/pm_wakeirq.h>
#include <linux/pm_wakeup.h>
#include <linux/string.h>
#include <linux/virtio_ids.h>
#include <linux/virtio_mmio.h>

#include "layer.h"

#define DEVICE_BYTES	0x200		/* registers, what the driver maps */
#define MAGIC		0x74726976	/* "virt" */
#define MODALIAS	"MODALIAS="

/*J: guest.devices
 * A PC finds its devices by walking the PCI bus; a board finds them in a tree
 * that its firmware describes. A ringlet guest has neither. It has 32 places
 * at known addresses, and one look at each tells: a virtio device begins with
 * the four letters "virt". Each look is an exit to the launcher, so the search
 * ends at the first empty place.
 *
 * What is found becomes a platform device with a page of registers and an
 * interrupt, and Linux's own virtio driver takes it from there, if it is
 * loaded. On Debian it is a module, and udev loads modules by what a device
 * says about itself (its "modalias"). A plain platform device would say
 * platform:virtio-mmio, which no module answers to. The module knows the name
 * that boards use for such a device, so that is what ours say.
 :*/
static int device_uevent(struct device *device, struct kobj_uevent_env *env)
{
	char *last = env->envp_idx ? env->envp[env->envp_idx - 1] : NULL;

	/* The bus's own was just added. One name only, whoever reads it. */
	if (last && !strncmp(last, MODALIAS, strlen(MODALIAS))) {
		env->envp_idx--;
		env->buflen -= strlen(last) + 1;
	}
	return add_uevent_var(env, MODALIAS "of:Nvirtio_mmioTvirtioCvirtio,mmio");
}

/*
 * A guest that sleeps (suspend to idle) keeps its memory and its devices, so there
 * is nothing to take down. The stock driver would reset the device, and a network
 * could wake nobody any more.
 */
static int stays_on(struct device *device)
{
	return 0;
}

static const struct dev_pm_ops device_sleep = {
	.suspend = stays_on,
	.resume = stays_on,
};

static const struct device_type device_type = {
	.name = "virtio-mmio",
	.uevent = device_uevent,
	.pm = &device_sleep,
};

/*
 * A frame or a typed character ends the guest's sleep, unless its administrator
 * says otherwise (power/wakeup in the device's folder in sysfs).
 */
static int let_wake(struct device *device, unsigned int irq)
{
	int error = device_init_wakeup(device, true);

	return error ? error : dev_pm_set_wake_irq(device, irq);
}

static u32 read_register(const void __iomem *registers, unsigned int offset)
{
	u32 value;

	/* A plain load: the host knows how to serve that. */
	asm volatile("movl (%1), %0"
		     : "=r" (value) : "r" (registers + offset) : "memory");
	return value;
}

/* The virtio device ID of what is there, 0: nothing. */
static u32 device_at(phys_addr_t gpa)
{
	void __iomem *registers = ioremap(gpa, DEVICE_BYTES);
	u32 id = 0;

	if (!registers)
		return 0;
	if (read_register(registers, VIRTIO_MMIO_MAGIC_VALUE) == MAGIC)
		id = read_register(registers, VIRTIO_MMIO_DEVICE_ID);
	iounmap(registers);
	return id;
}

static int add_device(unsigned int n, phys_addr_t gpa, u32 id)
{
	struct resource resources[2] = {
		DEFINE_RES_MEM(gpa, DEVICE_BYTES),
		DEFINE_RES_IRQ(RL_LINUX_IRQ(RL_IRQ_DEVICE + n)),
	};
	struct platform_device *device;
	int error;

	device = platform_device_alloc("virtio-mmio", n);
	if (!device)
		return -ENOMEM;
	device->dev.type = &device_type;
	error = platform_device_add_resources(device, resources,
					      ARRAY_SIZE(resources));
	if (!error)
		error = platform_device_add(device);
	if (error) {
		platform_device_put(device);
		return error;
	}
	if (id == VIRTIO_ID_NET || id == VIRTIO_ID_CONSOLE)
		error = let_wake(&device->dev, resources[1].start);
	return error;
}

static int find_devices(void)
{
	phys_addr_t gpa;
	unsigned int n;
	int error = 0;
	u32 id;

	for (n = 0; n < RL_MMIO_DEVICES && !error; n++) {
		gpa = RL_MMIO_BASE + n * RL_MMIO_STRIDE;
		id = device_at(gpa);
		if (!id)
			break;
		error = add_device(n, gpa, id);
	}
	return error;
}

/* Among the device initcalls; see patches.c. */
int rl_device_init(void)
{
	int console = rl_console_init(), devices = find_devices();
	int clocks = rl_wallclock_init(), button = rl_power_init();

	/* No device stands for /dev/hvc0 that could be asked. */
	irq_set_irq_wake(RL_LINUX_IRQ(RL_IRQ_CONSOLE), true);
	return console ? console : devices ? devices :
	       clocks ? clocks : button;
}
