// SPDX-License-Identifier: GPL-2.0-only
#include "findings.h"
#include "message.h"

/**
 * findings_hear() - print messages of the library
 * @context: unused
 * @message: the message
 *
 * As sink_messages(): of an image, information is printed with -v only.
 */
void findings_hear(void *context, const struct vhdx_message *message)
{
	(void)context;
	switch (message->kind) {
	case VHDX_MESSAGE_ERROR:
		msg_err("%s", message->raw);
		break;
	case VHDX_MESSAGE_READONLY:
	case VHDX_MESSAGE_WARNING:
		msg_warn("%s", message->raw);
		break;
	case VHDX_MESSAGE_INFO:
		if (message->structure)
			msg_verbose("%s", message->raw);
		else
			msg_info("%s", message->raw);
		break;
	case VHDX_MESSAGE_STEP:
		msg_verbose("%s", message->raw);
		break;
	default:
		msg_debug("%s", message->raw);
		break;
	}
}
