/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A block device is written where it is: until all of it is durable, nobody is to
 * take it for an image.
 *
 * convert-mark.c APIs:
 *   convert_mark_hide()	keep the file identifier of a new image back
 *   convert_mark_show()	write it
 *   convert_mark_spoil()	wipe what identifies a disk that is not whole
 */
#ifndef CONVERT_MARK_H
#define CONVERT_MARK_H

#include "convert-end.h"

/**
 * struct convert_mark - what identifies a new image
 * @page: the first one of the image
 */
struct convert_mark {
	u8 page[VHDX_PAGE];
};

int convert_mark_hide(struct convert_mark *mark, struct convert_end *end);
int convert_mark_show(const struct convert_mark *mark, struct convert_end *end);
void convert_mark_spoil(const char *path, const char *name);

#endif /* CONVERT_MARK_H */
