/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The kernel's interface for hypervisor consoles. Its header is not part of
 * the header packages; layouts.c has the launcher compare this with the image.
 */
#ifndef RINGLET_GUEST_PV_HVC_H
#define RINGLET_GUEST_PV_HVC_H

#include <linux/termios.h>
#include <linux/types.h>

struct hvc_struct;

struct hv_ops {
	int (*get_chars)(uint32_t terminal, char *to, int room);
	int (*put_chars)(uint32_t terminal, const char *from, int bytes);
	int (*flush)(uint32_t terminal, bool wait);
	int (*notifier_add)(struct hvc_struct *hvc, int irq);
	void (*notifier_del)(struct hvc_struct *hvc, int irq);
	void (*notifier_hangup)(struct hvc_struct *hvc, int irq);
	int (*tiocmget)(struct hvc_struct *hvc);
	int (*tiocmset)(struct hvc_struct *hvc, unsigned int set,
			unsigned int clear);
	void (*dtr_rts)(struct hvc_struct *hvc, int raise);
};

int hvc_instantiate(uint32_t terminal, int index, const struct hv_ops *ops);
struct hvc_struct *hvc_alloc(uint32_t terminal, int data,
			     const struct hv_ops *ops, int outbuf_size);
/* The size of its terminal; with its lock held, as in get_chars. */
void __hvc_resize(struct hvc_struct *hvc, struct winsize size);
int notifier_add_irq(struct hvc_struct *hvc, int irq);
void notifier_del_irq(struct hvc_struct *hvc, int irq);
void notifier_hangup_irq(struct hvc_struct *hvc, int irq);

#endif
