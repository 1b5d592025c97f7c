// SPDX-License-Identifier: GPL-2.0-only
#include "dmdev.h"
#include "exit-codes.h"
#include "message.h"
#include "module.h"
#include "run-tool.h"
#include "vhdxsetup.h"

#define MODULE_NAME	"dm-vhdx"

static int load(u32 version[3])
{
	static const char *const argv[] = { "modprobe", MODULE_NAME, NULL };
	int code;

	/* It knows why: no such file, the wrong kernel, a missing signature. */
	code = run_tool(argv, true);
	if (!code)
		return dmdev_target(TARGET_TYPE, version);
	if (code == 127)
		msg_err("modprobe is not installed");
	return -ENOTARGET;
}

/**
 * module_ready() - make sure that the kernel has a target we can talk to
 *
 * Return: 0, or -ENOTARGET after a message.
 */
int module_ready(void)
{
	/* A variable, for a minor of 0 makes the comparison below constant. */
	const u32 minor_needed = TARGET_MINOR;
	u32 version[3];

	if (dmdev_target(TARGET_TYPE, version) && load(version)) {
		msg_err("the kernel module %s is not loaded and cannot be: is it installed for this kernel (make install)? The kernel log may say more",
			MODULE_NAME);
		return -ENOTARGET;
	}
	msg_verbose("target version %u.%u.%u", version[0], version[1],
		    version[2]);
	if (version[0] == TARGET_MAJOR && version[1] >= minor_needed)
		return 0;
	msg_err("the loaded module %s has target version %u.%u.%u, but this program needs %u.%u or a later %u.x",
		MODULE_NAME, version[0], version[1], version[2], TARGET_MAJOR,
		TARGET_MINOR, TARGET_MAJOR);
	return -ENOTARGET;
}
