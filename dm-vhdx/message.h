/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Messages: what can be asked of a device, or asked to be done.
 *
 *	stats		what it has done so far
 *	where <sector>	where a sector of 512 bytes lies
 *	commit		make durable what was written
 *	checkpoint	likewise, and write the BAT in place
 *
 * message.c APIs:
 *   vhdx_message()	dm's ->message
 */
#ifndef VHDX_MESSAGE_H
#define VHDX_MESSAGE_H

struct dm_target;

int vhdx_message(struct dm_target *ti, unsigned int argc, char **argv,
		 char *result, unsigned int maxlen);

#endif /* VHDX_MESSAGE_H */
