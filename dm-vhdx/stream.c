// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a task that submits bios will do next, from what it did.
 *
 * A task that has slept since its last bio waited for that one, as far as one can
 * know, unless it had come with many until it slept: then it will again. One that
 * has not slept may have many under way. Or its bio was done already: a worker may
 * preempt the task that calls it, and memory and the page cache answer at once.
 * Then the bio is taken for one of a stream, wrongly. So each stream of which
 * nothing more came doubles the number of bios that the next one takes to show;
 * the first that goes on ends the doubt.
 */
#include <linux/minmax.h>

#include "stream.h"

/* A wrong guess in 256 costs nothing; and a stream makes up for so many soon. */
#define DOUBT_MAX	8U

static void start_anew(struct vhdx_stream *stream,
		       const struct task_struct *task, unsigned long sleeps)
{
	bool wrong = stream->shown && !stream->went_on;

	*stream = (struct vhdx_stream){
		.task = task,
		.sleeps = sleeps,
		.doubt = min(stream->doubt + wrong, DOUBT_MAX),
		.shown = stream->went_on && stream->task == task,
	};
}

/**
 * vhdx_stream_note() - one more bio, or several at once
 * @stream: of the CPU
 * @task: that submits it
 * @sleeps: how often @task has slept, its nvcsw
 * @alone: no bio of before waits for a worker
 *
 * Context: whoever calls keeps others from @stream.
 * Return: what the bio is of a stream.
 */
enum vhdx_stream_step vhdx_stream_note(struct vhdx_stream *stream,
				       const struct task_struct *task,
				       unsigned long sleeps, bool alone)
{
	if (stream->task != task || stream->sleeps != sleeps) {
		start_anew(stream, task, sleeps);
	} else if (!stream->shown) {
		stream->run++;
		stream->shown = !alone || stream->run >= 1U << stream->doubt;
	} else {
		stream->went_on = true;
		stream->doubt = 0;
		return VHDX_STREAM_ON;
	}
	return stream->shown ? VHDX_STREAM_BEGINS : VHDX_STREAM_NONE;
}
