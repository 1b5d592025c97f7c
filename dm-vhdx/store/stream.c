// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a task that submits bios will do next, from what it did.
 *
 * A task that has slept since its last bio waited for that one, as far as one can
 * know, unless it had come with many until it slept: then it will again. One that
 * has not slept may have many under way. Or its bio was done already: a worker may
 * preempt the task that calls it, and memory and the page cache answer at once.
 * Then the bio is taken for one of a stream, wrongly. So each stream of which
 * nothing more came until its task slept doubles the number of bios that have to
 * come so before one is taken for a stream again; the first that goes on ends the
 * doubt, whoever caused it.
 *
 * With PREEMPT_RT a task that waits for a spinlock sleeps as well, and more streams
 * are missed.
 */
#include <linux/minmax.h>

#include "stream.h"

/* A wrong guess in 256 costs nothing; and a stream makes up for so many soon. */
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
 * vhdx_stream_note() - one more bio, or several at once
 * @stream: of the CPU
 * @task: that submits it
 * @sleeps: how often @task has slept, its nvcsw
 *
 * Context: whoever calls keeps others from @stream.
 * Return: what the bio is of a stream.
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
