/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A handle of libvhdx, see vhdx.h, from the inside.
 *
 * The library's functions begin and end with handle_begin() and handle_end(). In
 * between, messages of this thread and findings of the images go to the handle.
 * vhdxsetup uses the same functions, and says more of an image than they do: it
 * takes the images themselves from the handle.
 *
 * handle.c APIs:
 *   handle_begin()	begin a call
 *   handle_end()	end it
 *   handle_visit()	call the caller back with an extent
 *   handle_lend()	let a callback use the handle
 *   handle_retake()	end that
 *   handle_deafen()	drop findings, during a walk that causes many
 *   handle_hear()	have them again
 * handle-open.c APIs:
 *   handle_open_place()	open the image of a descriptor
 *   handle_options()	make the options of an opening
 */
#ifndef HANDLE_H
#define HANDLE_H

#include "check.h"
#include "message.h"
#include "open.h"

/* All else is hidden in libvhdx.so. */
#pragma GCC visibility push(default)
#include "vhdx.h"
#pragma GCC visibility pop

/**
 * struct vhdx_disk - a handle
 * @listener: hears the messages of a call
 * @sink: hears the findings of the images
 * @progress: tells @step
 * @disk: the open images; NULL before
 * @flags: VHDX_OPEN_*
 * @no_parents: refuse an image that has a parent
 * @parents: paths of parents
 * @parent_count: number of @parents
 * @hear: the caller's, for messages
 * @hear_context: for @hear
 * @step: the caller's, for progress
 * @step_context: for @step
 * @error: what failed, escaped; NULL for nothing
 * @busy: a call is under way
 * @least: least severity of findings to pass on
 * @deaf: pass on none
 * @heard: the engine has found an error
 * @counts: number of findings by severity
 * @id: identity of the disk as text
 */
struct vhdx_disk {
	struct msg_listener listener;
	struct disk_sink sink;
	struct vhdx_progress progress;
	struct disk *disk;
	unsigned int flags;
	bool no_parents;
	char *parents[VHDX_CHAIN_MAX];
	unsigned int parent_count;
	vhdx_hear_t hear;
	void *hear_context;
	vhdx_progress_t step;
	void *step_context;
	char *error;
	bool busy;
	enum vhdx_severity least;
	bool deaf;
	bool heard;
	u64 counts[VHDX_ERROR + 1];
	char id[VHDX_GUID_TEXT_SIZE];
};

/**
 * enum handle_state - what a function needs
 * @HANDLE_CLOSED: no image is open yet
 * @HANDLE_OPEN: the image is open
 * @HANDLE_WHOLE: so are its parents
 */
enum handle_state {
	HANDLE_CLOSED,
	HANDLE_OPEN,
	HANDLE_WHOLE,
};

/**
 * struct handle_loan - a call that goes on when a callback has ended
 * @listener: of the handle
 * @least: of the handle
 * @deaf: of the handle
 */
struct handle_loan {
	struct msg_listener listener;
	enum vhdx_severity least;
	bool deaf;
};

int handle_begin(struct vhdx_disk *handle, enum handle_state needs);
int handle_end(struct vhdx_disk *handle, int err);
int handle_visit(struct vhdx_disk *handle, vhdx_visit_t visit, void *context,
		 const struct vhdx_extent *extent);
void handle_lend(struct vhdx_disk *handle, struct handle_loan *loan);
void handle_retake(struct vhdx_disk *handle, const struct handle_loan *loan);
void handle_deafen(struct vhdx_disk *handle);
void handle_hear(struct vhdx_disk *handle, enum vhdx_severity least);

void handle_options(struct vhdx_disk *handle, struct disk_options *options);
int handle_open_place(struct vhdx_disk *handle, int place, const char *path);

#endif /* HANDLE_H */
