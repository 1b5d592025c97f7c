/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The committer: bios that find no room for another block.
 *
 * They wait, a dm event says so, and each second another attempt is made. After a
 * time that the table gives they fail, and so do all that come later, until there
 * is room again. While the device is being suspended they wait only for space that
 * is on its way to be free. If there is none they fail, or, for a noflush suspend,
 * go back to dm.
 *
 * commit-nospace.c APIs:
 *   vhdx_room_settle()	after work: what becomes of those without room
 *   vhdx_room_full()		is there no room for another block?
 *   vhdx_room_wait()		bios have found none
 *   vhdx_room_refuse()	let none wait
 *   vhdx_room_clear()	say no more that there is no room
 */
#ifndef VHDX_COMMIT_NOSPACE_H
#define VHDX_COMMIT_NOSPACE_H

#include "commit.h"

bool vhdx_room_full(const struct vhdx_session *session);
void vhdx_room_wait(struct vhdx_committer *c, struct bio_list *bios);
void vhdx_room_settle(struct vhdx_committer *c);
void vhdx_room_refuse(struct vhdx_committer *c, blk_status_t status);
void vhdx_room_clear(struct vhdx_committer *c);

#endif /* VHDX_COMMIT_NOSPACE_H */
