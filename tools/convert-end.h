/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * An end of a conversion: a disk that many threads read, and perhaps write, in a
 * raw file, on a block device, or in a VHDX image with its parents.
 *
 * convert-end.c APIs:
 *   convert_end_raw()	a raw file or block device
 *   convert_end_new_raw()	a new raw file
 *   convert_end_vhdx()	a VHDX image
 *   convert_end_look()	is what follows zeros, by what the image says?
 *   convert_end_read()	read bytes
 *   convert_end_write()	write bytes
 *   convert_end_zero()	zero bytes
 *   convert_end_finish()	make durable what was written
 *   convert_end_close()
 */
#ifndef CONVERT_END_H
#define CONVERT_END_H

#include "nbdkit/served.h"

/**
 * struct convert_end - one end, open
 * @name: what messages call it
 * @size: bytes of the disk
 * @is_vhdx: it is in @served, else in @raw
 * @stale: what was not written reads as anything, not as zeros
 * @served: the image and its parents
 * @raw: the file or block device
 * @data_start: what convert_end_look() last found to be data in it
 * @data_end: where that ends
 */
struct convert_end {
	const char *name;
	u64 size;
	bool is_vhdx;
	bool stale;
	struct served served;
	struct user_store raw;
	u64 data_start;
	u64 data_end;
};

int convert_end_raw(struct convert_end *end, const char *path,
		    const char *name, enum user_access access);
int convert_end_new_raw(struct convert_end *end, const char *path,
			const char *name, u64 size, bool no_sparse);
int convert_end_vhdx(struct convert_end *end, const char *path,
		     const char *name, const struct disk_options *options);
int convert_end_look(struct convert_end *end, u64 pos, u64 *len,
		     bool *is_zero);
int convert_end_read(struct convert_end *end, u64 pos, void *buf, u64 len);
int convert_end_write(struct convert_end *end, u64 pos, const void *buf,
		      u64 len);
int convert_end_zero(struct convert_end *end, u64 pos, u64 len);
int convert_end_finish(struct convert_end *end);
void convert_end_close(struct convert_end *end);

#endif /* CONVERT_END_H */
