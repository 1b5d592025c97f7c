// SPDX-License-Identifier: GPL-2.0-only
#include <libgen.h>
#include <unistd.h>

#include "captive.h"
#include "exit-codes.h"
#include "message.h"
#include "plugin-path.h"
#include "run-tool.h"

#define PLUGIN_FILE	"nbdkit-vhdx-plugin.so"

/* The plugin that was built with this program, if it runs where it was built. */
static char *beside_us(void)
{
	char us[PATH_MAX], path[PATH_MAX + sizeof(PLUGIN_FILE) + 1];
	ssize_t n = readlink("/proc/self/exe", us, sizeof(us) - 1);

	if (n <= 0)
		return NULL;
	us[n] = '\0';
	snprintf(path, sizeof(path), "%s/" PLUGIN_FILE, dirname(us));
	return access(path, R_OK) ? NULL : strdup(path);
}

static bool is_installed(void)
{
	const char *const argv[] = { "nbdkit", "vhdx", "--dump-plugin", NULL };
	struct tool_end end;

	return !run_tool(argv, &end, NULL, NULL) && !end.signal && !end.status;
}

/**
 * plugin_path() - what nbdkit is to load
 * @plugin: set to a path or a name, for free()
 *
 * Return: 0, or -ETOOL after a message that names the package which is missing.
 */
int plugin_path(char **plugin)
{
	*plugin = NULL;
	if (!captive_find("nbdkit")) {
		msg_err("nbdkit is not installed; remedy: apt install nbdkit");
		return -ETOOL;
	}
	*plugin = beside_us();
	if (!*plugin && is_installed())
		*plugin = strdup("vhdx");
	if (*plugin)
		return 0;
	msg_err("nbdkit has no plugin for VHDX; remedy: install the package nbdkit-plugin-vhdx, or `make install-plugin'");
	return -ETOOL;
}
