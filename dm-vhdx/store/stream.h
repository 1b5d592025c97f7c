/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Whether who submits a bio waits for it, or goes on to the next one.
 *
 * It decides where a bio of a file is issued, see store/file-queue.c: for a task
 * that waits, on its own CPU, which is free then; beside one that goes on, on
 * another CPU, if one is free.
 *
 * stream.c APIs:
 *   vhdx_stream_note()	one more bio
 */
#ifndef VHDX_STREAM_H
#define VHDX_STREAM_H

#include <linux/types.h>

struct task_struct;

/**
 * enum vhdx_stream_step - what a bio is of a stream
 * @VHDX_STREAM_NONE: none: its task is thought to wait for it
 * @VHDX_STREAM_BEGINS: the one at which a stream shows
 * @VHDX_STREAM_ON: of one that has shown
 */
enum vhdx_stream_step {
	VHDX_STREAM_NONE,
	VHDX_STREAM_BEGINS,
	VHDX_STREAM_ON,
};

/**
 * struct vhdx_stream - what is known of who submits on a CPU
 * @task: who did last; only to be compared
 * @sleeps: how often it had slept until then
 * @awake: how often a task has come again without having slept, since the last
 *	time that this was taken for a stream
 * @doubt: a stream shows when @awake is two to the power of this
 * @shown: it has
 * @went_on: and more bios came
 *
 * All zero at the beginning.
 */
struct vhdx_stream {
	const struct task_struct *task;
	unsigned long sleeps;
	unsigned int awake;
	unsigned int doubt;
	bool shown;
	bool went_on;
};

enum vhdx_stream_step vhdx_stream_note(struct vhdx_stream *stream,
				       const struct task_struct *task,
				       unsigned long sleeps);

#endif /* VHDX_STREAM_H */
