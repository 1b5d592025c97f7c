/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The committer: bios that find no room for another block.
 *
 * Such bios wait, dm raises an event, and the committer tries again each
 * second. After the timeout of the table they fail, and so do all later ones,
 * until there is room again. During a suspend they wait only while freed space
 * is on its way to be usable. Otherwise they fail, or go back to dm if the
 * suspend is noflush.
 *
 * commit-nospace.c APIs:
 *   vhdx_room_settle()	decide about the bios that wait for room
 *   vhdx_room_wait()		queue bios that found no room
 *   vhdx_room_refuse()	end all bios that wait for room
 *   vhdx_room_clear()	leave the no-space state
 */
#ifndef VHDX_COMMIT_NOSPACE_H
#define VHDX_COMMIT_NOSPACE_H

#include "commit.h"

void vhdx_room_wait(struct vhdx_committer *c, struct bio_list *bios);
void vhdx_room_settle(struct vhdx_committer *c);
void vhdx_room_refuse(struct vhdx_committer *c, blk_status_t status);
void vhdx_room_clear(struct vhdx_committer *c);

#endif /* VHDX_COMMIT_NOSPACE_H */
