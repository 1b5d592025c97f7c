/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Messages: questions and requests to a device, by `dmsetup message NAME 0
 * ...`.
 *
 *	stats		print the counters of the session
 *	where <sector>	print where a sector of 512 bytes is stored
 *	commit		make all earlier writes durable
 *	checkpoint	commit, and write the BAT in place
 *	begin		begin a session, as the first write does
 *	seal <guid>	choose the DataWriteGuid that the image ends under
 *	lend <image>	permit a program to merge into a parent
 *	recall <image>	end that permission
 *	gain		print what moving blocks down into holes would gain
 *	move <entry> <end>	move a block
 *
 * begin and seal are for snapshots, see vhdx_session_seal(); lend and recall are
 * for merges, see vhdx_backing_lend(); gain and move are for compaction, see
 * engine/move.h.
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
