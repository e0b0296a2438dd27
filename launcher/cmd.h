/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The subcommands. argv[0] is the subcommand's own name; what they return is
 * the exit status of the process (exit.h).
 */
#ifndef RINGLET_LAUNCHER_CMD_H
#define RINGLET_LAUNCHER_CMD_H

int cmd_run(int argc, char **argv);
int cmd_try(int argc, char **argv);
int cmd_check(int argc, char **argv);
int cmd_prepare(int argc, char **argv);
int cmd_cache(int argc, char **argv);
int cmd_top(int argc, char **argv);
int cmd_trace(int argc, char **argv);
int cmd_symbols(int argc, char **argv);

#endif
