// SPDX-License-Identifier: GPL-2.0-only
/*
 * Predict whether a task that submits bios waits for them.
 *
 * A task that has slept since its last bio has probably waited for it, unless
 * it submitted many bios before it slept: then it will do so again. A task that
 * has not slept may have many bios under way. Or its bio was done already: a
 * worker may preempt the task that queues it, and memory and the page cache
 * answer at once. The bio then looks like one of a stream. So each supposed
 * stream that ends with its first bio doubles the number of bios that must come
 * without a sleep before the next stream is recognized. The first stream that
 * continues resets that number, whichever task caused it.
 *
 * With PREEMPT_RT a task that waits for a spinlock sleeps as well, and more
 * streams are missed.
 */
#include <linux/minmax.h>

#include "stream.h"

/*
 * One wrong guess in 256 bios costs little, and a stream soon has so many bios.
 */
#define DOUBT_MAX	8U

static void start_anew(struct vhdx_stream *stream,
		       const struct task_struct *task, unsigned long sleeps)
{
	bool same = stream->task == task;

	if (same && stream->shown && !stream->went_on)
		stream->doubt = min(stream->doubt + 1, DOUBT_MAX);
	stream->task = task;
	stream->sleeps = sleeps;
	stream->shown = same && stream->went_on;
	stream->went_on = false;
}

/**
 * vhdx_stream_note() - note a bio, or several that come at once
 * @stream: state of the CPU
 * @task: task that submits the bio
 * @sleeps: number of times that @task has slept, its nvcsw
 *
 * Context: the caller serializes access to @stream.
 * Return: see enum vhdx_stream_step.
 */
enum vhdx_stream_step vhdx_stream_note(struct vhdx_stream *stream,
				       const struct task_struct *task,
				       unsigned long sleeps)
{
	if (stream->task != task || stream->sleeps != sleeps) {
		start_anew(stream, task, sleeps);
	} else if (!stream->shown) {
		stream->awake++;
		stream->shown = stream->awake >= 1U << stream->doubt;
	} else {
		stream->went_on = true;
		stream->doubt = 0;
		return VHDX_STREAM_ON;
	}
	if (!stream->shown)
		return VHDX_STREAM_NONE;
	stream->awake = 0;
	return VHDX_STREAM_BEGINS;
}
