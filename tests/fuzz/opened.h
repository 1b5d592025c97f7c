/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * An image, opened within bounds, and what is said of it: every sentence is
 * looked at.
 *
 * opened.c APIs:
 *   opened_log_length()	how long is the log?
 *   opened_open()		open an image
 *   opened_join()		make a chain of open images
 *   opened_close()		close an image
 */
#ifndef FUZZ_OPENED_H
#define FUZZ_OPENED_H

#include "chain.h"
#include "input.h"

/**
 * struct opened - an image
 * @report: hears what is said
 * @errors: how many errors were among that
 * @image: the image; an ERR_PTR if it could not be opened, NULL if closed
 */
struct opened {
	struct vhdx_report report;
	u32 errors;
	struct vhdx_image *image;
};

u64 opened_log_length(const struct fuzz_layer *layer);
void opened_open(struct opened *opened, struct vhdx_store *store,
		 const struct fuzz_layer *layer, unsigned long pool);
struct vhdx_chain *opened_join(struct opened *const *list, u32 depth,
			       unsigned int flags);
void opened_close(struct opened *opened);

#endif /* FUZZ_OPENED_H */
