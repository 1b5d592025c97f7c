/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The link from a child to its parent: paths in the form of Windows.
 *
 * child-link.c APIs:
 *   child_link_path()	find the path by which a child names a parent
 *   child_link_relative()	make the relative path to a parent
 *   child_link_locator()	make a locator for a child
 *   child_link_windows()	give it the paths that another one has for Windows
 *   child_link_name()	choose the name of a parent
 *   child_link_device()	find the name by which a child goes on to name a device
 *   child_link_warn()	warn of a parent on a device whose name does not last
 *   child_link_fits()	test whether a child can record a path
 *   child_link_suits()	check that an image may become a parent
 *   child_link_leads_out()	test whether a parent is outside of the child's directory
 *   child_link_tell()	say that it is
 */
#ifndef CHILD_LINK_H
#define CHILD_LINK_H

#include "open.h"

/**
 * struct child_link - the names of a parent
 * @child: path of the child, which need not exist yet
 * @parent: path of the parent, which may get this name later
 * @absolute: value of absolute_win32_path; NULL for none
 * @volume: value of volume_path; NULL for none
 */
struct child_link {
	const char *child;
	const char *parent;
	const char *absolute;
	const char *volume;
};

char *child_link_path(const char *parent);
int child_link_relative(const char *child, const char *parent, char **path);
int child_link_locator(const struct child_link *link, const guid_t *linkage,
		       struct vhdx_locator **locator);
int child_link_windows(struct vhdx_locator *locator,
		       const struct vhdx_locator *from);
const char *child_link_name(const struct layer *parent, const char *given);
char *child_link_device(const struct layer *child, const struct layer *parent);
void child_link_warn(const char *parent);
bool child_link_fits(const char *path);
int child_link_suits(const struct disk *parent);
bool child_link_leads_out(const struct vhdx_locator *locator,
			  const struct user_store *parent);
void child_link_tell(const char *child);

#endif /* CHILD_LINK_H */
