/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The committer: its life. A committer exists while its image is open for
 * writing, and works between a resume and a suspend.
 *
 * commit-life.c APIs:
 *   vhdx_committer_new()	create a committer
 *   vhdx_committer_free()
 *   vhdx_committer_preresume()	make the image ready for writes
 *   vhdx_committer_grow()	make the virtual disk as long as the table
 *   vhdx_committer_presuspend()	stop bios from waiting for room in vain
 *   vhdx_committer_presuspend_undo()	the suspend was cancelled
 *   vhdx_committer_postsuspend()	close the image cleanly
 *   vhdx_committer_seal()	choose the identity that a suspend leaves
 *   vhdx_committer_drop_table()	forget a table that is destroyed
 *   vhdx_committer_run()	work now, for a message
 */
#ifndef VHDX_COMMIT_LIFE_H
#define VHDX_COMMIT_LIFE_H

#include "commit.h"

struct vhdx_committer *vhdx_committer_new(struct vhdx_image *image,
					  struct vhdx_report *report,
					  const char *name);
void vhdx_committer_free(struct vhdx_committer *c);
int vhdx_committer_preresume(struct vhdx_committer *c, struct dm_target *ti,
			     unsigned int no_space_timeout);
int vhdx_committer_grow(struct vhdx_committer *c);
void vhdx_committer_presuspend(struct vhdx_committer *c, blk_status_t status);
void vhdx_committer_presuspend_undo(struct vhdx_committer *c);
void vhdx_committer_postsuspend(struct vhdx_committer *c);
int vhdx_committer_seal(struct vhdx_committer *c, const guid_t *guid,
			guid_t *holds);
void vhdx_committer_drop_table(struct vhdx_committer *c, struct dm_target *ti);
int vhdx_committer_run(struct vhdx_committer *c, unsigned int flags);

#endif /* VHDX_COMMIT_LIFE_H */
