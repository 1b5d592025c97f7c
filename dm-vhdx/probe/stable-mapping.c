// SPDX-License-Identifier: GPL-2.0-only
/*
 * 6.7, and 6.1 and others in later stable versions: that pages must not change
 * while they are written is said of each file, no longer of a file system alone.
 */
#include <linux/pagemap.h>

bool vhdx_probe(struct address_space *mapping);
bool vhdx_probe(struct address_space *mapping)
{
	mapping_set_stable_writes(mapping);
	return mapping_stable_writes(mapping);
}
