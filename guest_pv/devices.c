// SPDX-License-Identifier: GPL-2.0
/*
 * virtio devices: found in their places, told to Linux as platform devices.
 *
 * The stock driver (virtio_mmio) does the rest, and it is a module that nobody
 * loads by hand: see device_uevent().
 */
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
static int device_uevent(void *device, void *env)
{
	u32 *count = &field(u32, env, kobj_uevent_env, envp_idx);
	char **strings = part(env, kobj_uevent_env, envp);
	char *last = *count ? strings[*count - 1] : NULL;

	/* The bus's own was just added. One name only, whoever reads it. */
	if (last && !strncmp(last, MODALIAS, strlen(MODALIAS))) {
		--*count;
		field(u32, env, kobj_uevent_env, buflen) -= strlen(last) + 1;
	}
	return add_uevent_var(env, MODALIAS "of:Nvirtio_mmioTvirtioCvirtio,mmio");
}

/*
 * A guest that sleeps (suspend to idle) keeps its memory and its devices, so there
 * is nothing to take down. The stock driver would reset the device, and a network
 * could wake nobody any more.
 */
static int stays_on(void *device)
{
	return 0;
}

static void *device_type(void)
{
	void *type = object(device_type, virtio), *sleep = object(dev_pm_ops, virtio);

	field(pointer, sleep, dev_pm_ops, suspend) = stays_on;
	field(pointer, sleep, dev_pm_ops, resume) = stays_on;
	field(pointer, type, device_type, name) = "virtio-mmio";
	field(pointer, type, device_type, uevent) = device_uevent;
	field(pointer, type, device_type, pm) = sleep;
	return type;
}

/*
 * A frame or a typed character ends the guest's sleep, unless its administrator
 * says otherwise (power/wakeup in the device's folder in sysfs).
 */
int rl_may_wake(void *device)
{
	device_set_wakeup_capable(device, true);
	return device_wakeup_enable(device);
}

static int let_wake(void *device, unsigned int irq)
{
	int error = rl_may_wake(device);

	return error ? error : dev_pm_set_wake_irq(device, irq);
}

static u32 read_register(const void *registers, unsigned int offset)
{
	u32 value;

	/* A plain load: the host knows how to serve that. */
	asm volatile("movl (%1), %0"
		     : "=r" (value) : "r" (registers + offset) : "memory");
	return value;
}

/* The virtio device ID of what is there, 0: nothing. */
static u32 device_at(u64 gpa)
{
	void *registers = ioremap(gpa, DEVICE_BYTES);
	u32 id = 0;

	if (!registers)
		return 0;
	if (read_register(registers, VIRTIO_MMIO_MAGIC_VALUE) == MAGIC)
		id = read_register(registers, VIRTIO_MMIO_DEVICE_ID);
	iounmap(registers);
	return id;
}

/*
 * One resource, behind `flags` of another of its kind: what number says "memory" or
 * "interrupt" is the kernel's own business.
 */
static void set_resource(void *resource, u64 start, u64 end, const void *like)
{
	field(u64, resource, resource, start) = start;
	field(u64, resource, resource, end) = end;
	field(u64, resource, resource, flags) = field(u64, like, resource, flags);
}

static int add_device(unsigned int n, u64 gpa, u32 id)
{
	void *resources = objects(2, resource, device);
	unsigned int irq = RL_LINUX_IRQ(RL_IRQ_DEVICE + n);
	void *device;
	int error;

	device = platform_device_alloc("virtio-mmio", n);
	if (!device)
		return -ENOMEM;
	/* Linux takes copies. The second one of the PC's clock is its interrupt. */
	set_resource(resources, gpa, gpa + DEVICE_BYTES - 1, &iomem_resource);
	set_resource((char *)resources + size_of(resource), irq, irq,
		     rtc_resources + size_of(resource));
	field(pointer, device, platform_device, dev.type) = device_type();
	error = platform_device_add_resources(device, resources, 2);
	if (!error)
		error = platform_device_add(device);
	if (error) {
		platform_device_put(device);
		return error;
	}
	if (id == VIRTIO_ID_NET || id == VIRTIO_ID_CONSOLE)
		error = let_wake(part(device, platform_device, dev), irq);
	return error;
}

static int find_devices(void)
{
	u64 gpa;
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

	rl_steal_init();
	/* No device stands for /dev/hvc0 that could be asked. */
	irq_set_irq_wake(RL_LINUX_IRQ(RL_IRQ_CONSOLE), true);
	return console ? console : devices ? devices :
	       clocks ? clocks : button;
}
