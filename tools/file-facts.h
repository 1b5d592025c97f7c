/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the file system says of an image's file, beside its bytes.
 *
 * file-facts.c APIs:
 *   file_facts()	ask for it
 *   file_facts_refusal()	why Windows would not attach such a file
 */
#ifndef FILE_FACTS_H
#define FILE_FACTS_H

#include "store-user.h"

/**
 * struct file_facts - what the file system says of a file
 * @usage: bytes of space that it takes
 * @holes: bytes of it that take none; 0 for one that is compressed
 * @compressed: the file system compresses it
 * @encrypted: or encrypts it
 */
struct file_facts {
	u64 usage;
	u64 holes;
	bool compressed;
	bool encrypted;
};

int file_facts(const struct user_store *file, struct file_facts *facts);
const char *file_facts_refusal(const struct file_facts *facts);

#endif /* FILE_FACTS_H */
