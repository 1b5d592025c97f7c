/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * How long a write waits for room. The committer sets it, and the file store,
 * which knows no committer, looks at it.
 */
#ifndef VHDX_PATIENCE_H
#define VHDX_PATIENCE_H

#include <linux/blk_types.h>

/**
 * struct vhdx_patience - how long a write waits for room
 * @timeout: seconds until it fails, 0 for never
 * @suspend: what it ends with because of a suspend, 0 if there is none
 */
struct vhdx_patience {
	unsigned int timeout;
	blk_status_t suspend;
};

#endif /* VHDX_PATIENCE_H */
