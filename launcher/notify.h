/* SPDX-License-Identifier: GPL-2.0 */
/* Words for the service manager that started us, in the way of sd_notify(3). */
#ifndef RINGLET_LAUNCHER_NOTIFY_H
#define RINGLET_LAUNCHER_NOTIFY_H

/*
 * Sends text ("READY=1" and so on, one assignment a line) to the datagram socket in
 * $NOTIFY_SOCKET. Nothing happens where there is none; where it cannot be reached,
 * a warning. Before sandbox_enter(), which lets nobody reach a socket by its name.
 */
void notify_manager(const char *text);

#endif
