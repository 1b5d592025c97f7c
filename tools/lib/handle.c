// SPDX-License-Identifier: GPL-2.0-only
#include "handle.h"
#include "version.h"

/* Return the text with what might control a terminal escaped, for free(). */
static char *escaped(const char *text)
{
	char *safe = NULL;
	size_t size;
	FILE *out = open_memstream(&safe, &size);

	if (!out)
		return NULL;
	msg_safe(out, text);
	if (!fclose(out))
		return safe;
	free(safe);
	return NULL;
}

/* The first error of a call is what made it fail; others follow from it. */
static void keep_error(struct vhdx_disk *handle, const char *sentence)
{
	if (!handle->error)
		handle->error = strdup(sentence);
}

/* Pass a message on; all members but the escaped sentence are set. */
static void pass(struct vhdx_disk *handle, struct vhdx_message *message)
{
	char *safe = escaped(message->raw);
	struct msg_listener *listener;

	message->sentence = safe ? safe : "out of memory";
	if (message->kind == VHDX_MESSAGE_ERROR)
		keep_error(handle, message->sentence);
	if (handle->hear) {
		listener = msg_pause();
		handle->hear(handle->hear_context, message);
		msg_resume(listener);
	}
	free(safe);
}

static void hear_message(struct msg_listener *listener, enum msg_kind kind,
			 const char *text)
{
	static const enum vhdx_message_kind kinds[] = {
		[MSG_ERROR] = VHDX_MESSAGE_ERROR,
		[MSG_WARNING] = VHDX_MESSAGE_WARNING,
		[MSG_DONE] = VHDX_MESSAGE_INFO,
		[MSG_STEP] = VHDX_MESSAGE_STEP,
		[MSG_DETAIL] = VHDX_MESSAGE_DETAIL,
	};
	struct vhdx_message message = {
		.kind = kinds[kind],
		.raw = text,
		.index = VHDX_MESSAGE_NO_INDEX,
	};

	pass(container_of(listener, struct vhdx_disk, listener), &message);
}

static void pass_finding(struct vhdx_disk *handle, const char *path,
			 const struct vhdx_finding *finding)
{
	struct vhdx_message message = {
		.kind = VHDX_MESSAGE_INFO + finding->severity,
		.path = path,
		.structure = finding->at.name,
		.index = finding->at.index,
		.last = finding->at.last,
		.count = finding->at.count,
		.offset = finding->at.offset,
		.text = finding->text,
	};
	char sentence[VHDX_SENTENCE_MAX];
	char *raw = NULL;

	vhdx_sentence(finding, sentence, sizeof(sentence));
	if (asprintf(&raw, "%s: %s", path, sentence) < 0)
		raw = NULL;
	message.raw = raw ? raw : sentence;
	pass(handle, &message);
	free(raw);
}

static void hear_finding(struct disk_sink *sink, const char *path,
			 const struct vhdx_finding *finding)
{
	struct vhdx_disk *handle = container_of(sink, struct vhdx_disk, sink);

	handle->heard |= finding->severity == VHDX_ERROR;
	if (handle->deaf || finding->severity < handle->least)
		return;
	handle->counts[finding->severity] += vhdx_place_count(&finding->at);
	pass_finding(handle, path, finding);
}

static int step(struct vhdx_progress *progress, u64 done, u64 total)
{
	struct vhdx_disk *handle =
		container_of(progress, struct vhdx_disk, progress);
	struct msg_listener *listener;
	int r;

	if (!handle->step)
		return 0;
	listener = msg_pause();
	r = handle->step(handle->step_context, done, total);
	msg_resume(listener);
	return r;
}

/**
 * handle_lend() - let a callback use the handle
 * @handle: the handle, in a call that has nothing half done
 * @loan: filled in, for handle_retake()
 */
void handle_lend(struct vhdx_disk *handle, struct handle_loan *loan)
{
	*loan = (struct handle_loan){
		.listener = handle->listener,
		.least = handle->least,
		.deaf = handle->deaf,
	};
	handle_hear(handle, VHDX_INFO);
	handle->busy = false;
}

/**
 * handle_retake() - go on with the call
 * @handle: the handle
 * @loan: from handle_lend()
 */
void handle_retake(struct vhdx_disk *handle, const struct handle_loan *loan)
{
	handle->listener = loan->listener;
	handle->least = loan->least;
	handle->deaf = loan->deaf;
	handle->busy = true;
}

/**
 * handle_visit() - call the caller back with an extent
 * @handle: the handle, in a call; lent meanwhile
 * @visit: the caller's function
 * @context: for @visit
 * @extent: the extent
 *
 * Return: what @visit returned.
 */
int handle_visit(struct vhdx_disk *handle, vhdx_visit_t visit, void *context,
		 const struct vhdx_extent *extent)
{
	struct msg_listener *listener = msg_pause();
	struct handle_loan loan;
	int r;

	handle_lend(handle, &loan);
	r = visit(context, extent);
	handle_retake(handle, &loan);
	msg_resume(listener);
	return r;
}

/**
 * handle_deafen() - drop findings, during a walk that causes many
 * @handle: the handle
 */
void handle_deafen(struct vhdx_disk *handle)
{
	handle->deaf = true;
}

/**
 * handle_hear() - pass findings on again
 * @handle: the handle
 * @least: the least severity to pass on
 */
void handle_hear(struct vhdx_disk *handle, enum vhdx_severity least)
{
	handle->deaf = false;
	handle->least = least;
}

static const char *unfit(const struct vhdx_disk *handle,
			 enum handle_state needs)
{
	if (needs == HANDLE_CLOSED)
		return handle->disk ? "the handle has an open image already" :
				      NULL;
	if (!handle->disk)
		return "the handle has no open image";
	if (needs == HANDLE_WHOLE && !handle->disk->chain)
		return "the parents of the image are not open";
	return NULL;
}

/**
 * handle_begin() - begin a call
 * @handle: the handle
 * @needs: what the function needs of it
 *
 * Return: 0, and handle_end() must follow; or -EBADFD.
 */
int handle_begin(struct vhdx_disk *handle, enum handle_state needs)
{
	const char *fault;

	if (handle->busy)
		return -EBADFD;
	free(handle->error);
	handle->error = NULL;
	handle->busy = true;
	msg_enter(&handle->listener);
	fault = unfit(handle, needs);
	if (!fault)
		return 0;
	msg_err("%s", fault);
	return handle_end(handle, -EBADFD);
}

/**
 * handle_end() - end a call
 * @handle: the handle
 * @err: result of the call
 *
 * Return: @err.
 */
int handle_end(struct vhdx_disk *handle, int err)
{
	handle_hear(handle, VHDX_INFO);
	msg_leave(&handle->listener);
	handle->busy = false;
	if (err < 0)
		keep_error(handle, strerror(-err));
	return err;
}

/**
 * vhdx_version() - get the version of the library
 *
 * Return: a constant.
 */
const char *vhdx_version(void)
{
	return LIBVHDX_VERSION;
}

/**
 * vhdx_disk_new() - make a handle
 *
 * Return: the handle, for vhdx_disk_free(), or NULL without memory.
 */
struct vhdx_disk *vhdx_disk_new(void)
{
	struct vhdx_disk *handle = calloc(1, sizeof(*handle));

	if (!handle)
		return NULL;
	handle->listener.hear = hear_message;
	handle->sink.finding = hear_finding;
	handle->progress.step = step;
	return handle;
}

/**
 * vhdx_disk_free() - close the images, and free the handle
 * @handle: the handle, or NULL
 */
void vhdx_disk_free(struct vhdx_disk *handle)
{
	unsigned int i;

	if (!handle)
		return;
	disk_close(handle->disk);
	for (i = 0; i < handle->parent_count; i++)
		free(handle->parents[i]);
	free(handle->error);
	free(handle);
}

/**
 * vhdx_disk_error() - say what failed
 * @handle: the handle
 *
 * Return: a sentence, until the next call with the handle; or "".
 */
const char *vhdx_disk_error(const struct vhdx_disk *handle)
{
	return handle->error ? handle->error : "";
}

/**
 * vhdx_disk_on_message() - set what hears messages
 * @handle: the handle
 * @hear: the function, or NULL
 * @context: for @hear
 */
void vhdx_disk_on_message(struct vhdx_disk *handle, vhdx_hear_t hear,
			  void *context)
{
	handle->hear = hear;
	handle->hear_context = context;
}

/**
 * vhdx_disk_on_progress() - set what hears of progress, and may stop long work
 * @handle: the handle
 * @step: the function, or NULL
 * @context: for @step
 */
void vhdx_disk_on_progress(struct vhdx_disk *handle, vhdx_progress_t step,
			   void *context)
{
	handle->step = step;
	handle->step_context = context;
}
