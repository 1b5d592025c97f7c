/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The clients of a server that waits for them, sent away.
 *
 * hang-up.c APIs:
 *   hang_up()		end what clients send by a socket
 */
#ifndef HANG_UP_H
#define HANG_UP_H

#include <sys/types.h>

void hang_up(pid_t server, const char *path);

#endif /* HANG_UP_H */
