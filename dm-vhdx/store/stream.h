/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Prediction whether a task waits for its bio, or continues with the next one.
 *
 * This decides where a bio of a file is issued, see store/file-queue.c: if the
 * task waits, on its own CPU, which is free then; if it continues, on another
 * CPU.
 *
 * stream.c APIs:
 *   vhdx_stream_note()	note a bio
 */
#ifndef VHDX_STREAM_H
#define VHDX_STREAM_H

#include <linux/types.h>

struct task_struct;

/**
 * enum vhdx_stream_step - whether a bio belongs to a stream
 * @VHDX_STREAM_NONE: no: its task probably waits for it
 * @VHDX_STREAM_BEGINS: yes: a stream is recognized with this bio
 * @VHDX_STREAM_ON: yes: it continues a stream
 */
enum vhdx_stream_step {
	VHDX_STREAM_NONE,
	VHDX_STREAM_BEGINS,
	VHDX_STREAM_ON,
};

/**
 * struct vhdx_stream - the submitter of bios on a CPU
 * @task: last task that submitted a bio; only to be compared
 * @sleeps: number of times that @task had slept by then
 * @awake: number of bios whose task had not slept since its last bio, counted
 *	since the last stream was recognized
 * @doubt: a stream is recognized when @awake is two to the power of this
 * @shown: a stream has been recognized
 * @went_on: more bios of the stream have come
 *
 * All members are zero at first.
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
