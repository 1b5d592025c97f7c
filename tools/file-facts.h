/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Properties of an image's file that the file system reports.
 *
 * file-facts.c APIs:
 *   file_facts()	ask the file system about a file
 *   file_facts_refusal()	find out why Windows would not attach it
 */
#ifndef FILE_FACTS_H
#define FILE_FACTS_H

#include "store-user.h"

/**
 * struct file_facts - properties of a file
 * @usage: bytes of space that the file takes
 * @holes: bytes of the file without space; 0 for a compressed file
 * @compressed: the file system compresses the file
 * @encrypted: the file system encrypts the file
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
